// The list: filters on the left, trees on the right; the address holds every choice.

import { h, number, dollars, many, say } from "./draw.js";

const NAMES = {
  task: "Task", dataset: "Source", stage: "Correct action by", depth: "Turns", flag: "Flag", wrong: "Ranked wrongly by",
};
const ORDER_NAMES = {
  order: "as grown", pairs: "most pairs", depth: "most turns", cost: "dearest", tokens: "most tokens", samples: "most samples",
};
const PAGE = 100;

export async function showList(ask, about, forest, choices, go) {
  const start = Number(choices.start || 0);
  const main = document.getElementById("main");
  const shelf = about.forests[forest];
  const found = await ask("trees", { ...choices, forest, start });
  const rows = found.rows.slice(0, PAGE);
  const change = (name, value) => {
    const next = { ...choices, [name]: value };
    if (name !== "start") delete next.start;
    go(forest, next);
  };
  main.replaceChildren(h("div", { class: "columns" },
    filters(shelf, choices, change),
    h("section", { class: "list", "aria-label": "Trees" },
      h("p", { class: "note", id: "count" }, `${number(found.total)} of ${many(shelf.trees, "tree")}`),
      rows.length ? table(rows, forest) : h("p", {}, "No tree has all of this."),
      pages(found.total, start, change))));
  say(`${many(found.total, "tree")}`);
  return { rows, total: found.total, start };
}

function filters(shelf, choices, change) {
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filters", onsubmit: (event) => event.preventDefault() });
  const search = h("input", { type: "search", id: "words", value: choices.words || "", autocomplete: "off", placeholder: "words, or \"a phrase\"" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change("words", search.value), 250);
  });
  form.append(h("label", { for: "words" }, "Search"), search);
  for (const [name, title] of Object.entries(NAMES)) {
    const options = shelf.choices[name] || [];
    if (!options.length) continue;
    form.append(select(name, title, [["", "any"], ...options.map(([value, count]) => [value, `${value} (${number(count)})`])], choices[name] || "", change));
  }
  form.append(range("min_pairs", "Pairs, at least", choices, change), range("max_pairs", "Pairs, at most", choices, change),
    range("min_usd", "Cost in dollars, at least", choices, change),
    select("order", "Order", shelf.orders.map((name) => [name, ORDER_NAMES[name] || name]), choices.order || "order", change),
    h("button", { type: "button", onclick: () => change("clear", true) }, "Clear"));
  return form;
}

function select(name, title, options, chosen, change) {
  const id = `by-${name}`;
  return h("div", {}, h("label", { for: id }, title),
    h("select", { id, onchange: (event) => change(name, event.target.value) },
      options.map(([value, label]) => h("option", { value, selected: String(value) === String(chosen) }, label))));
}

function range(name, title, choices, change) {
  const id = `by-${name}`;
  return h("div", {}, h("label", { for: id }, title),
    h("input", { id, type: "number", min: "0", step: "any", value: choices[name] || "", onchange: (event) => change(name, event.target.value) }));
}

function table(rows, forest) {
  const head = ["Problem", "Task", "Source", "Turns", "Pairs", "Samples", "Correct by", "Tokens", "Cost", "Flags"];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trees" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: NUMERIC.has(name) ? "num" : null }, name)))),
    h("tbody", {}, rows.map((row) => line(row, forest)))));
}

const NUMERIC = new Set(["Turns", "Pairs", "Samples", "Tokens", "Cost"]);

function line(row, forest) {
  return h("tr", { class: "row" },
    h("th", { scope: "row" }, h("a", { href: `#/f/${forest}/tree/${encodeURIComponent(row.id)}` }, row.title)),
    h("td", {}, row.task), h("td", {}, row.dataset),
    h("td", { class: "num" }, row.depth), h("td", { class: "num" }, row.pairs), h("td", { class: "num" }, number(row.samples)),
    h("td", {}, row.stage), h("td", { class: "num" }, number(row.tokens)), h("td", { class: "num" }, dollars(row.price_usd) || "–"),
    h("td", {}, row.flags.map((flag) => h("span", { class: `flag ${flag === "leaked" || flag === "unsolved" ? "bad" : ""}` }, flag))));
}

function pages(total, start, change) {
  if (total <= PAGE) return null;
  const last = Math.min(total, start + PAGE);
  return h("p", { class: "pages" },
    h("button", { type: "button", disabled: start === 0, onclick: () => change("start", Math.max(0, start - PAGE)) }, "Earlier"),
    ` ${number(start + 1)}–${number(last)} of ${number(total)} `,
    h("button", { type: "button", disabled: last >= total, onclick: () => change("start", start + PAGE) }, "Later"));
}
