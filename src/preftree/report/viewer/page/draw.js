// Elements from plain values. Whatever a model wrote goes through `textContent`, so it stays text.

const SVG = "http://www.w3.org/2000/svg";

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
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function code(pieces) {
  return h("pre", { class: "code", tabindex: "0", "aria-label": "code" },
    h("code", {}, pieces.map(([kind, text]) => (kind ? h("span", { class: kind }, text) : text))));
}

export function text(value, kind = "text") {
  return h("div", { class: kind }, value);
}

export function block(name, value) {
  return value ? h("div", { class: "block" }, h("h4", {}, name), h("pre", { tabindex: "0", "aria-label": name }, value)) : null;
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

export function many(count, name) {
  return `${number(count)} ${name}${count === 1 ? "" : "s"}`;
}

export function say(words) {
  document.getElementById("said").textContent = words;
}
