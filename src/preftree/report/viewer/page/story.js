// How a tree grew, at a glance: a row a turn, what was drawn, how the correct action was got, what was gone on with.

import { h, s, many, address } from "./draw.js";

export const node = (turn, side, place) => `${turn}.${side}.${place}`;

export function story(tree, forest) {
  if (!tree.turns.length) return h("p", { class: "note" }, "The tree has no turn.");
  const models = Object.entries(tree.rewards || {});
  const to = (target, words) => h("a", { href: address(forest, tree.id, { node: target }) }, words);
  const heads = ["Turn", "Samples", "Correct action by", "Gone on with", "Pairs", ...models.map(([name]) => name)];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "How the tree grew" }, h("table", { class: "story" },
    h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, tree.turns.map((turn, place) => h("tr", {},
      h("th", { scope: "row" }, to(`turn.${place}`, `${place + 1}`)),
      h("td", {}, tally(turn)),
      h("td", {}, turn.correct.length ? [to(node(place, "correct", 0), turn.correct[0].actor || "an actor"), ` ${turn.correct[0].stage}`,
        turn.correct.length > 1 ? ` and ${turn.correct.length - 1} more` : ""] : "none"),
      h("td", {}, wayOn(tree, turn, place, to)),
      h("td", {}, turn.pairs.length),
      models.map(([, found]) => h("td", {}, ranks(found.signs[place], place, tree, forest))))))));
}

function tally(turn) {
  const all = [...turn.correct, ...turn.incorrect, ...turn.pruned];
  const count = (outcome) => all.filter((action) => action.outcome === outcome).length;
  return [["correct", "✓"], ["wrong", "✗"], ["undecided", "?"]].filter(([outcome]) => count(outcome)).map(([outcome, mark]) =>
    h("span", { class: `tally ${outcome}`, role: "img", "aria-label": `${count(outcome)} ${outcome}`, title: `${count(outcome)} ${outcome}` }, `${mark} ${count(outcome)}`));
}

function wayOn(tree, turn, place, to) {
  if (turn.expanded === null) return place === tree.turns.length - 1 ? "the tree ends here" : "–";
  const action = turn.incorrect[turn.expanded];
  const failed = action.status && action.status !== "ok" ? `code: ${action.status}` : "";
  const why = [failed, action.why === action.status ? "" : action.why].filter(Boolean).join(", ");
  return [to(node(place, "incorrect", turn.expanded), action.actor || "an actor"), why ? ` ${why}` : "",
    turn.leaked ? h("span", { class: "flag bad" }, "critique gives the answer away") : null];
}

function ranks(signs, place, tree, forest) {
  const wrong = [...signs].filter((sign) => sign === "w").length;
  if (!wrong) return signs.length ? h("span", { class: "sign-r" }, "✓") : "–";
  return h("a", { class: "sign-w", href: address(forest, tree.id, { pair: `${place}.${[...signs].indexOf("w")}` }) }, `✗ ${wrong} of ${signs.length}`);
}

const HOW = { s: "correct by a sample", e: "correct by escalation", r: "correct by the reference", "-": "none correct" };

// A tree's shape in the list: a column a turn, correct above, incorrect below.
export function glyph(shape) {
  const turns = shape ? shape.split(" ") : [];
  const words = turns.map((turn, at) => `turn ${at + 1}: ${HOW[turn[0]]}, ${turn[1]} incorrect`).join("; ");
  const width = Math.max(1, turns.length) * 14;
  return s("svg", { class: "glyph", viewBox: `0 0 ${width} 26`, width, height: 26, role: "img", "aria-label": `${many(turns.length, "turn")}. ${words}` },
    s("title", {}, words),
    turns.map((turn, at) => [
      at ? s("path", { d: `M${at * 14 - 7} 19 H${at * 14 + 7}`, class: "way" }) : null,
      turn[0] === "-" ? null : s("circle", { cx: at * 14 + 7, cy: 7, r: 4, class: turn[0] === "s" ? "correct" : "helped" }),
      turn[1] === "0" ? null : s("rect", { x: at * 14 + 3.5, y: 15.5, width: 7, height: 7, class: `incorrect ${turn[2] === ">" ? "expanded" : ""}` }),
    ]).flat());
}
