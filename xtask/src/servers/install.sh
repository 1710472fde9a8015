# Installs the named Debian packages without starting a service, now or at the next boot, or creating
# a system database cluster, and leaves no trace of having forbidden it. Run as root: sh install.sh PACKAGE...
set -eu

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/farol-no-cluster.conf

restore() {
    rm -f "$cluster"
    rmdir /etc/postgresql-common/createcluster.d /etc/postgresql-common 2>/dev/null || true
    # A marker tells our own file from one that the machine's owner put there.
    if grep -qs 'farol: no service starts' "$policy"; then rm -f "$policy"; fi
    if [ -e "$policy.before-farol" ]; then mv "$policy.before-farol" "$policy"; fi
}
trap restore EXIT
trap 'exit 130' HUP INT TERM

# After a killed run our own file may still lie there; what was saved then is still the original.
restore
if [ -e "$policy" ]; then mv "$policy" "$policy.before-farol"; fi
printf '#!/bin/sh\n# farol: no service starts while packages are installed\nexit 101\n' >"$policy"
chmod 755 "$policy"

mkdir -p "${cluster%/*}"
echo 'create_main_cluster = false' >"$cluster"

# What starts at boot: a package adds its own services, a policy cannot keep it from that.
at_boot() { find /etc/systemd/system/multi-user.target.wants -type l 2>/dev/null || true; }
before=$(at_boot)

export DEBIAN_FRONTEND=noninteractive
echo "apt-get update"
apt-get update
echo "apt-get install $*"
apt-get install --yes --no-install-recommends "$@"
at_boot | while read -r link; do
    case "
$before
" in
        *"
$link
"*) ;;
        *)
            echo "not at boot: ${link##*/}"
            rm -f "$link"
            ;;
    esac
done
