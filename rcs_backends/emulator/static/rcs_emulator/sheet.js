// Small sheets over the page: a detail to read, or a few fields to fill in. The browser's own dialog keeps the focus.

import { button, el, icon } from "./dom.js";

export function showSheet(title, ...content) {
  const dialog = el("dialog", { class: "sheet", "aria-labelledby": "sheet-title" });
  const close = button({ class: "round", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const heading = el("header", {}, el("h2", { id: "sheet-title" }, title), close);
  dialog.append(el("div", { class: "sheet-body" }, heading, ...content)); // a click on the dialog itself is outside
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// rows: [label, value] pairs; those without a value are left out.
export function showDetail(title, rows) {
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== "");
  const list = shown.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, String(value))]);
  return showSheet(title, el("dl", { class: "detail" }, ...list));
}

// fields: attributes of inputs, with `label`, and `options` for a list. `submit` gets the values by name; the sheet
// closes when it answers true, so that a refused value can be mended.
export function showForm(title, fields, action, submit) {
  const form = el("form", { class: "fields" }, ...fields.map(field));
  form.append(el("button", { class: "primary" }, action));
  const dialog = showSheet(title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await submit(Object.fromEntries(new FormData(form)))) dialog.close();
  });
  return dialog;
}

export function field({ label, options, ...attributes }) {
  if (attributes.type === "checkbox") return el("label", { class: "check" }, el("input", attributes), label);
  const input = options
    ? el("select", attributes, ...options.map(([value, text]) => el("option", { value }, text)))
    : el("input", attributes);
  return el("label", {}, el("span", {}, label), input);
}

export function confirmSheet(title, sentence, action, work) {
  const act = () => {
    dialog.close();
    work();
  };
  const dialog = showSheet(title, el("p", {}, sentence), button({ class: "danger", onclick: act }, action));
}
