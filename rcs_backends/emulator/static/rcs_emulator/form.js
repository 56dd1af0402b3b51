// A form in a bubble, to be filled in on the phone. The answers, by field name, go to the function it is given.

import { el } from "./dom.js";

const TYPES = { number: "number", email: "email", phone: "tel", date: "date", checkbox: "checkbox" };

export function formBubble(message, fill) {
  const form = message.form ?? {};
  const fields = form.fields ?? [];
  const title = form.title && el("h3", {}, form.title);
  const text = (form.text || message.text) && el("p", {}, form.text || message.text);
  const head = (title || text) && el("div", { class: "words" }, title, text);
  const body = form.answer ? answers(fields, form.answer) : blank(message, fields, form.submit || "Submit", fill);
  return el("article", { class: "card form" }, head, body);
}

function blank(message, fields, submit, fill) {
  const send = el("button", { class: "primary" }, submit);
  const node = el("form", { class: "fields" }, ...fields.map(fieldOf), send);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    await fill(message, dataOf(node, fields));
    send.disabled = false;
  });
  return node;
}

function fieldOf({ name, label, type, required, options }) {
  const attributes = { name, required: Boolean(required), autocomplete: "off" };
  const star = required && el("b", { class: "star", "aria-hidden": "true" }, " *");
  const words = el("span", {}, label || name, star);
  if (type === "checkbox") return el("label", { class: "check" }, el("input", { ...attributes, type }), words);
  if (type === "select") return el("label", {}, words, list(attributes, options ?? []));
  const step = type === "number" ? { step: "any" } : {};
  return el("label", {}, words, el("input", { ...attributes, ...step, type: TYPES[type] ?? "text" }));
}

function list(attributes, options) {
  return el("select", attributes, el("option", { value: "" }, "Choose…"), ...options.map((each) => el("option", {}, each)));
}

function dataOf(node, fields) {
  const data = {};
  for (const { name, type } of fields) {
    const input = node.elements.namedItem(name);
    if (type === "checkbox") data[name] = input.checked;
    else if (input.value !== "") data[name] = type === "number" ? Number(input.value) : input.value;
  }
  return data;
}

function answers(fields, answer) {
  const said = fields.filter(({ name }) => name in answer);
  const rows = said.flatMap(({ name, label }) => [el("dt", {}, label || name), el("dd", {}, inWords(answer[name]))]);
  return el("div", { class: "answer" }, el("p", { class: "sent" }, "✓ Sent"), el("dl", { class: "detail" }, ...rows));
}

function inWords(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}
