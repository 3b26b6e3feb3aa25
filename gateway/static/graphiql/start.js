// Starts GraphiQL on this page's own address. The token stays in this browser tab.
"use strict";

const KEY = "seatgraph.token";
const token = document.getElementById("token");
const who = document.getElementById("who");
const examples = document.getElementById("examples");

async function ask(request, options) {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json",
    ...(token.value ? { authorization: `Bearer ${token.value}` } : {}),
    ...(options?.headers ?? {}),
  };
  const response = await fetch(location.pathname, { method: "POST", headers, body: JSON.stringify(request) });
  return response.json();
}

function show() {
  who.textContent = token.value ? "asking with a token" : "asking as a stranger";
}

token.value = sessionStorage.getItem(KEY) ?? "";
token.addEventListener("input", () => {
  token.value = token.value.trim();
  sessionStorage.setItem(KEY, token.value);
  show();
});
show();

const root = ReactDOM.createRoot(document.getElementById("graphiql"));

// A new editor begins with the first example, which anybody may ask.
function open(first, example) {
  const given = example
    ? { query: example.query, variables: JSON.stringify(example.variables ?? {}, null, 2), response: "" }
    : {};
  const defaults = { defaultEditorToolsVisibility: true, defaultQuery: first.query };
  root.render(React.createElement(GraphiQL, { fetcher: ask, ...defaults, ...given }));
}

async function start() {
  const found = await (await fetch("/graphiql/examples.json")).json();
  for (const [place, example] of found.entries()) {
    examples.add(new Option(example.title, String(place)));
  }
  examples.addEventListener("change", () => {
    if (examples.value) open(found[0], found[Number(examples.value)]);
    examples.value = "";
  });
  open(found[0]);
}

start();
