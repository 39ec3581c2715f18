// The list: search and filters on the left, trees on the right; the address holds every choice.

import { h, number, dollars, many, flags, address, say } from "./draw.js";
import { glyph } from "./story.js";

const NAMES = { task: "Task", dataset: "Source", stage: "Correct action by", depth: "Turns", flag: "Flag" };
const ORDER_NAMES = {
  order: "as grown", pairs: "most pairs", depth: "most turns", cost: "dearest", tokens: "most tokens", samples: "most samples",
};
const RANGES = {
  min_pairs: "Pairs, at least", max_pairs: "Pairs, at most", min_tokens: "Tokens, at least", min_usd: "Cost in dollars, at least",
};
const FILTERS = [...Object.keys(NAMES), ...Object.keys(RANGES), "wrong", "right"];
export const PAGE = 100;
let unfolded = false;

export function drawList(found, about, forest, choices, go) {
  const shelf = about.forests[forest];
  const rows = found.rows.slice(0, PAGE);
  const change = (values) => {
    const next = { ...choices, ...values };
    if (!("start" in values)) delete next.start;
    go(forest, next, "words" in values);
  };
  document.getElementById("main").replaceChildren(h("div", { class: "columns" },
    filters(shelf, choices, change, () => go(forest, {})),
    h("section", { class: "list", "aria-label": "Trees" },
      h("p", { id: "count" }, `${number(found.total)} of ${many(shelf.trees, "tree")}`),
      found.total ? sums(found.sums) : null,
      rows.length ? [table(rows, forest, choices), legend()] : nothing(shelf),
      pages(found.total, found.start, change))));
  say(many(found.total, "tree"));
}

function sums(found) {
  const words = [many(found.pairs, "pair"), found.samples ? many(found.samples, "sample") : "", found.tokens ? `${number(found.tokens)} tokens` : "", dollars(found.price_usd)];
  return h("p", { class: "note sums" }, words.filter(Boolean).join(" · "));
}

function legend() {
  const sign = (shape, words) => {
    const drawn = glyph(shape);
    drawn.setAttribute("viewBox", `0 ${shape.startsWith("-") ? 12 : 0} 14 14`); // its one sign alone
    drawn.setAttribute("height", "14");
    drawn.setAttribute("aria-hidden", "true");
    return h("span", { class: "sign" }, drawn, words);
  };
  return h("p", { class: "note legend" }, "Growth, a column a turn:", sign("s0.", "correct by a sample"), sign("r0.", "correct with help"),
    sign("-1.", "incorrect"), sign("-1>", "incorrect, gone on with"));
}

function nothing(shelf) {
  return h("div", { class: "empty" }, shelf.trees
    ? [h("p", {}, "No tree has all of this."), h("p", { class: "note" }, "Search looks for whole words in problems, answers, what programs printed and critiques; take a filter away, or clear them.")]
    : [h("p", {}, "No tree is finished yet."), h("p", { class: "note" }, "This list fills while preftree grow runs.")]);
}

function filters(shelf, choices, change, clear) {
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filters", onsubmit: (event) => event.preventDefault() });
  const search = h("input", { type: "search", id: "words", value: choices.words || "", autocomplete: "off", spellcheck: "false", placeholder: "words, or \"a phrase\"" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ words: search.value }), 250);
  });
  const set = FILTERS.filter((name) => choices[name]).length;
  const fold = h("details", { class: "more-filters", open: unfolded || matchMedia("(min-width: 46.01rem)").matches, ontoggle: () => { unfolded = fold.open; } },
    h("summary", {}, set ? `Filters (${set})` : "Filters"));
  for (const [name, title] of Object.entries(NAMES)) {
    const options = shelf.choices[name] || [];
    if (options.length > 1 || choices[name] || (options.length && name === "flag")) fold.append(select(name, title, counted(options), choices[name] || "", change));
  }
  fold.append(...models(shelf, choices, change), ...Object.entries(RANGES).map(([name, title]) => range(name, title, choices, change)));
  form.append(h("div", {}, h("label", { for: "words" }, "Search"), search),
    h("div", {}, h("label", { for: "by-order" }, "Order"), select("order", null, shelf.orders.map((name) => [name, ORDER_NAMES[name] || name]), choices.order || "order", change)),
    fold);
  if (set || choices.words) form.append(h("button", { type: "button", onclick: clear }, "Clear"));
  return form;
}

function counted(options) {
  return [["", "any"], ...options.map(([value, count]) => [value, `${value} (${number(count)})`])];
}

// Pairs that a model ranks wrongly, and those about which two disagree.
function models(shelf, choices, change) {
  const { wrong, split } = shelf.choices;
  if (!wrong.length) return [];
  const found = [select("wrong", "Ranked wrongly by", counted(wrong), choices.right ? "" : choices.wrong || "", (values) => change({ right: "", ...values }))];
  if (!split.length) return found;
  const key = (right, false_) => JSON.stringify([right, false_]);
  const options = split.map(([right, false_, count]) => [key(right, false_), `${right} right, ${false_} wrong (${number(count)})`]);
  found.push(select("split", "Models disagree", [["", "any"], ...options], choices.right ? key(choices.right, choices.wrong) : "", ({ split: chosen }) => {
    const [right, false_] = chosen ? JSON.parse(chosen) : ["", ""];
    change({ right, wrong: false_ });
  }));
  return found;
}

function select(name, title, options, chosen, change) {
  const id = `by-${name}`;
  const field = h("select", { id, onchange: (event) => change({ [name]: event.target.value }) },
    options.map(([value, label]) => h("option", { value, selected: String(value) === String(chosen) }, label)));
  return title ? h("div", {}, h("label", { for: id }, title), field) : field;
}

function range(name, title, choices, change) {
  const id = `by-${name}`;
  return h("div", {}, h("label", { for: id }, title),
    h("input", { id, type: "number", min: "0", step: "any", inputmode: "decimal", value: choices[name] || "", onchange: (event) => change({ [name]: event.target.value }) }));
}

// A column: its name, whether it holds numbers, whether a narrow screen leaves it out, and its cell.
const COLUMNS = [
  ["Growth", false, false, (row) => glyph(row.shape)],
  ["Task", false, true, (row) => row.task],
  ["Source", false, true, (row) => row.dataset],
  ["Turns", true, true, (row) => row.depth],
  ["Pairs", true, false, (row) => row.pairs],
  ["Samples", true, true, (row) => number(row.samples)],
  ["Correct by", false, true, (row) => row.stage],
  ["Tokens", true, true, (row) => number(row.tokens)],
  ["Cost", true, true, (row) => dollars(row.price_usd) || "–"],
  ["Flags", false, false, (row) => flags(row.flags)],
];

function table(rows, forest, choices) {
  // What is the same for all says nothing in a column.
  const shown = COLUMNS.filter(([name]) => name !== "Cost" || rows.some((row) => row.price_usd));
  const kind = (numeric, wide) => `${numeric ? "num" : ""} ${wide ? "wide" : ""}`;
  const values = Object.fromEntries(["wrong", "right"].filter((name) => choices[name]).map((name) => [name, choices[name]]));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trees" }, h("table", { class: "trees" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Problem"), shown.map(([name, numeric, wide]) => h("th", { scope: "col", class: kind(numeric, wide) }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", { class: "row" },
      h("th", { scope: "row" }, h("a", { href: address(forest, row.id, values), dir: "auto" }, row.title || row.id)),
      shown.map(([, numeric, wide, cell]) => h("td", { class: kind(numeric, wide) }, cell(row))))))));
}

function pages(total, start, change) {
  if (total <= PAGE && !start) return null;
  const last = Math.min(total, start + PAGE);
  return h("p", { class: "pages" },
    h("button", { type: "button", disabled: start === 0, onclick: () => change({ start: Math.max(0, start - PAGE) }) }, "Earlier"),
    ` ${number(Math.min(total, start + 1))}–${number(last)} of ${number(total)} `,
    h("button", { type: "button", disabled: last >= total, onclick: () => change({ start: start + PAGE }) }, "Later"));
}
