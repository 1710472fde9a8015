// Makes a form of each operation in /openapi.json and shows what it answers. The browser sends its credentials
// along, as it does for any address of ours. Text from the contract is only ever set as text.

const METHODS = ["get", "post", "put", "delete"];

function element(name, content = [], properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[content].flat());
  return made;
}

function field(parameter) {
  const input = element("input", [], {
    name: parameter.name,
    required: parameter.required === true,
    placeholder: String(parameter.example ?? parameter.schema?.example ?? ""),
  });
  const about = element("small", parameter.description ?? "");
  return [input, element("label", [element("code", parameter.name), about, input])];
}

/** The example of a body: what its schema says of each field. */
function example(contract, schema) {
  const named = schema?.oneOf?.find((one) => one.$ref) ?? schema;
  const name = named?.$ref?.split("/").pop();
  const properties = contract.components.schemas[name]?.properties ?? {};
  const fields = Object.entries(properties).map(([key, it]) => [key, it.default ?? it.example ?? null]);
  return JSON.stringify(Object.fromEntries(fields), null, 2);
}

/** Path, headers and query of a request, from what stands in the fields. */
function request(path, parameters) {
  const headers = {};
  const query = new URLSearchParams();
  let filled = path;
  for (const [parameter, input] of parameters) {
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === "query") query.set(parameter.name, input.value);
    else if (input.value) headers[parameter.name] = input.value;
  }
  return [query.size ? `${filled}?${query}` : filled, headers];
}

async function show(answer, output) {
  const text = await answer.text();
  const kept = ["location", "retry-after", "idempotency-replayed", "x-request-id"];
  const headers = kept.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
  let body = text;
  try {
    body = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // No JSON: as it came.
  }
  output.textContent = [`${answer.status} ${answer.statusText}`, ...headers, "", body].join("\n");
}

function form(contract, method, path, operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => [parameter, ...field(parameter)]);
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const body = schema && element("textarea", [], { value: example(contract, schema), spellcheck: false });
  const output = element("pre", [], { hidden: true });
  output.setAttribute("aria-live", "polite");
  const made = element("form", [
    ...parameters.map(([, , label]) => label),
    ...(body ? [element("label", [element("code", "body"), body])] : []),
    element("button", "Send"),
    output,
  ]);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [url, headers] = request(path, parameters);
    // Whoever came by the console has a cookie, which alone may only read.
    if (method !== "get") headers["X-Requested-With"] = "farol-console";
    if (body) headers["Content-Type"] = "application/json";
    output.hidden = false;
    output.textContent = "…";
    try {
      await show(await fetch(url, { method: method.toUpperCase(), headers, body: body?.value }), output);
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return made;
}

function answers(contract, operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const named = contract.components.responses?.[response.$ref?.split("/").pop()] ?? response;
    return element("tr", [element("td", element("code", status)), element("td", named.description ?? "")]);
  });
  return element("table", element("tbody", rows));
}

function section(contract, method, path, operation) {
  const title = [
    element("code", [element("span", method.toUpperCase(), { className: "method" }), path]),
    element("span", operation.summary ?? ""),
  ];
  const content = [form(contract, method, path, operation), answers(contract, operation)];
  return element("details", [element("summary", title), element("div", content)]);
}

async function main() {
  const place = document.getElementById("operations");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`openapi.json: ${answer.status}`);
  const contract = await answer.json();
  document.getElementById("about").textContent = contract.info.description;
  const tags = new Map();
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const tag = item[method].tags?.[0] ?? "other";
      tags.set(tag, [...(tags.get(tag) ?? []), section(contract, method, path, item[method])]);
    }
  }
  place.replaceChildren(...[...tags].flatMap(([tag, sections]) => [element("h2", tag), ...sections]));
}

main().catch((error) => {
  document.getElementById("operations").textContent = `The contract cannot be read: ${error.message}`;
});
