// The side panel: which faults the emulator plays, with a form for one more, and what its ledger has counted.

import { api, attempt } from "./api.js";
import { button, el, icon, put } from "./dom.js";
import { confirmSheet, field } from "./sheet.js";

const EVERY = 2000; // milliseconds; the ledger can be long, so it is asked for only while the panel is open
const KINDS = {
  request: ["latency", "429", "500", "503", "401", "403", "404", "hang", "cut_before", "cut_after", "html", "half_json", "empty"],
  webhook: ["duplicate", "late", "reorder", "unsigned", "bad_signature", "lost", "tampered"],
};
const WITH_SECONDS = new Set(["latency", "hang", "late"]);
const NUMBERS = ["times", "rate", "seconds", "retry_after"];
const LIMITS = ["provider", "method", "number", ...NUMBERS];
const TOTALS = ["requests", "accepted", "shown", "doubles", "webhooks_waiting"];

export class Panel {
  constructor(node, toggle, page) {
    this.node = node;
    this.toggle = toggle;
    this.page = page;
    this.faults = el("ul", { class: "faults" });
    this.totals = el("dl", { class: "totals" });
    this.node.append(this.faultsPart(), this.ledgerPart());
    this.toggle.addEventListener("click", () => this.open(this.node.hidden));
    this.watch();
  }

  faultsPart() {
    const clear = button({ onclick: () => this.write(() => api.remove("faults/")) }, "Remove all");
    const heading = el("header", {}, el("h2", {}, "Faults"), clear);
    return el("section", { "aria-label": "Faults" }, heading, this.faults, this.faultForm());
  }

  ledgerPart() {
    const forget = button({ class: "danger", onclick: () => this.askForget() }, "Forget everything");
    return el("section", { "aria-label": "Ledger" }, el("header", {}, el("h2", {}, "Ledger")), this.totals, forget);
  }

  open(open) {
    put(this.node, { hidden: !open });
    put(this.toggle, { "aria-expanded": open });
    if (open) this.refresh();
  }

  async watch() {
    if (!document.hidden) await this.refresh();
    setTimeout(() => this.watch(), EVERY);
  }

  async refresh() {
    this.showProviders(this.page.wires().map(({ provider }) => provider));
    try {
      this.showFaults((await api.get("faults/")).faults);
      if (!this.node.hidden) this.showTotals((await api.get("ledger/")).totals);
    } catch {
      // the page's own poll tells the person that the emulator is gone
    }
  }

  async write(work) {
    const done = await attempt(async () => (await work()) ?? true);
    await this.refresh();
    this.page.changed();
    return done;
  }

  showProviders(names) {
    const list = this.node.querySelector("[name=provider]");
    if (list.options.length === names.length + 1) return;
    const chosen = list.value;
    list.replaceChildren(el("option", { value: "" }, "all"), ...names.map((name) => el("option", {}, name)));
    list.value = chosen;
  }

  showFaults(faults) {
    const key = JSON.stringify(faults);
    if (key === this.shown) return;
    this.shown = key;
    const none = el("li", { class: "none" }, "None: every provider works.");
    this.faults.replaceChildren(...(faults.length ? faults.map((fault) => this.faultItem(fault)) : [none]));
    const count = faults.length ? ` (${faults.length} on)` : "";
    put(this.toggle, { text: `Faults and ledger${count}`, "data-on": Boolean(count) });
  }

  faultItem(fault) {
    const remove = () => this.write(() => api.remove(`faults/${encodeURIComponent(fault.id)}/`));
    const name = `${fault.on}: ${fault.kind}`;
    const close = button({ class: "round", "aria-label": `Remove ${name}`, onclick: remove }, icon("close"));
    return el("li", {}, el("span", {}, el("b", {}, name), el("small", {}, limitsOf(fault))), close);
  }

  showTotals(totals) {
    const key = JSON.stringify(totals);
    if (key === this.counted) return;
    this.counted = key;
    const rows = TOTALS.flatMap((name) => [el("dt", {}, name.replace("_", " ")), el("dd", {}, String(totals[name] ?? 0))]);
    this.totals.replaceChildren(...rows);
    put(this.totals, { "data-doubles": Boolean(totals.doubles) });
  }

  faultForm() {
    const form = el("form", { class: "fields" });
    const on = field({ label: "On", name: "on", options: [["request", "request"], ["webhook", "webhook"]] });
    const kind = field({ label: "Kind", name: "kind", options: KINDS.request.map((each) => [each, each]) });
    form.append(el("h3", {}, "Add a fault"), on, kind, ...limitFields(), el("button", { class: "primary" }, "Add fault"));
    form.addEventListener("change", (event) => event.target.name === "on" && offerKinds(form));
    form.addEventListener("change", () => showLimits(form));
    form.addEventListener("submit", (event) => this.add(event, form));
    showLimits(form);
    return form;
  }

  async add(event, form) {
    event.preventDefault();
    await this.write(() => api.post("faults/", faultFrom(new FormData(form))));
  }

  askForget() {
    const sentence = "All phones, messages, the ledger, faults and pending webhooks are forgotten.";
    const forget = () => this.write(() => api.remove("ledger/"));
    confirmSheet("Forget everything?", sentence, "Forget everything", forget);
  }
}

function limitFields() {
  return [
    field({ label: "Seconds", name: "seconds", type: "number", min: 0, step: "any", value: 1 }),
    field({ label: "Retry after (seconds)", name: "retry_after", type: "number", min: 0, step: 1, placeholder: "no header" }),
    field({ label: "Provider", name: "provider", options: [["", "all"]] }),
    field({ label: "Times", name: "times", type: "number", min: 1, step: 1, placeholder: "unlimited" }),
    field({ label: "Rate (0 to 1)", name: "rate", type: "number", min: 0, max: 1, step: "any", placeholder: "1" }),
    field({ label: "Number", name: "number", type: "tel", placeholder: "any phone" }),
  ];
}

function offerKinds(form) {
  const kinds = KINDS[form.elements.on.value];
  form.elements.kind.replaceChildren(...kinds.map((kind) => el("option", {}, kind)));
}

function showLimits(form) {
  const { kind, seconds, retry_after: retryAfter } = form.elements;
  for (const [input, wanted] of [[seconds, WITH_SECONDS.has(kind.value)], [retryAfter, kind.value === "429"]]) {
    input.disabled = !wanted;
    input.closest("label").hidden = !wanted;
  }
}

function faultFrom(data) {
  const given = [...data].filter(([, value]) => value !== "");
  return Object.fromEntries(given.map(([name, value]) => [name, NUMBERS.includes(name) ? Number(value) : value]));
}

function limitsOf(fault) {
  const idle = { rate: fault.rate === 1, seconds: !WITH_SECONDS.has(fault.kind) };
  const limits = LIMITS.filter((name) => !idle[name] && fault[name] !== undefined && fault[name] !== null);
  return limits.map((name) => `${name.replace("_", " ")} ${fault[name]}`).join(", ") || "always";
}
