// Elements from plain values. Whatever a model wrote goes through `textContent`, so it stays text.

const SVG = "http://www.w3.org/2000/svg";
// A text longer than LONG is cut at HEAD characters until it is asked for.
const LONG = 8000;
const HEAD = 3000;

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

// `draw` gets a number of characters; a button asks it for all of them.
function cut(length, draw) {
  if (length <= LONG) return draw(length);
  const shown = h("div", {}, draw(HEAD));
  shown.append(h("button", { type: "button", class: "more", onclick: () => shown.replaceChildren(draw(length)) },
    `Show all ${number(length)} characters`));
  return shown;
}

export function code(pieces) {
  const length = pieces.reduce((sum, [, words]) => sum + words.length, 0);
  return cut(length, (most) => {
    let left = most;
    const kept = [];
    for (const [kind, words] of pieces) {
      if (left <= 0) break;
      kept.push(kind ? h("span", { class: kind }, words.slice(0, left)) : words.slice(0, left));
      left -= words.length;
    }
    return h("pre", { class: "code", tabindex: "0", "aria-label": "code" }, h("code", {}, kept));
  });
}

export function text(value, kind = "text") {
  return cut(value.length, (most) => h("div", { class: kind, dir: "auto" }, value.slice(0, most)));
}

export function block(name, value) {
  if (!value) return null;
  return h("div", { class: "block" }, h("h4", {}, name),
    cut(value.length, (most) => h("pre", { tabindex: "0", "aria-label": name }, value.slice(0, most))));
}

export function flags(names) {
  return names.map((flag) => h("span", { class: `flag ${flag === "leaked" || flag === "unsolved" ? "bad" : ""}` }, flag));
}

export function number(value) {
  return value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

export function dollars(value) {
  if (!value) return "";
  return value < 0.01 ? `$${value.toPrecision(2)}` : `$${value.toFixed(2)}`;
}

export function reward(value) {
  return value === null || value === undefined ? "–" : value.toFixed(3).replace("-", "−");
}

export function signed(value) {
  return value > 0 ? `+${reward(value)}` : reward(value);
}

export function many(count, name) {
  return `${number(count)} ${name}${count === 1 ? "" : "s"}`;
}

// The address of a tree, of one of its nodes or pairs.
export function address(forest, id, values = {}) {
  const words = new URLSearchParams(values).toString();
  return `#/f/${forest}/tree/${encodeURIComponent(id)}${words ? `?${words}` : ""}`;
}

export function say(words) {
  document.getElementById("said").textContent = words;
}
