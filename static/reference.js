// Try it out: sends what the form says and shows what came back. Nothing is stored. Without this script the form stays
// hidden, and the curl line is what one uses.

const SHOWN = ["content-type", "location", "etag", "x-request-id", "www-authenticate", "retry-after", "allow"];

const section = document.getElementById("try");
const form = section?.querySelector("form");
const result = document.getElementById("result");

if (form) {
  section.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

// The request that the form describes.
function request() {
  const headers = new Headers();
  const query = new URLSearchParams();
  let path = form.dataset.path;
  const token = form.elements.namedItem("token");
  if (token) headers.set("authorization", `Bearer ${token.value.trim()}`);
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.value === "") continue;
    if (field.dataset.in === "header") headers.set(field.name, field.value);
    if (field.dataset.in === "query") query.set(field.name, field.value);
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
  }
  const body = form.querySelector("textarea[name=body]")?.value;
  if (body !== undefined) headers.set("content-type", "application/json");
  const address = query.size ? `${path}?${query}` : path;
  return new Request(address, { method: form.dataset.method, headers, body, credentials: "omit", cache: "no-store" });
}

async function send() {
  const button = form.querySelector("button");
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    const started = performance.now();
    const response = await fetch(request());
    const text = await response.text();
    show(response, text, Math.round(performance.now() - started));
  } catch (error) {
    const said = document.createElement("p");
    said.textContent = `The request could not be sent: ${error.message}`;
    result.replaceChildren(said);
  } finally {
    button.removeAttribute("aria-busy");
    result.scrollIntoView({ block: "nearest" });
  }
}

function show(response, text, milliseconds) {
  const line = document.createElement("p");
  const status = document.createElement("span");
  status.className = response.ok ? "ref-status" : "ref-status ref-error";
  status.textContent = `${response.status} ${response.statusText}`;
  const time = document.createElement("span");
  time.className = "ref-kind";
  time.textContent = ` in ${milliseconds} ms`;
  line.append(status, time);
  const headers = block(SHOWN.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`).join("\n"));
  result.replaceChildren(line, headers, block(readable(text)));
}

function block(text) {
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.textContent = text;
  return pre;
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
