// The bottom of a phone: a field to write in, to whom, and buttons to send a place or a file.

import { button, el, icon, put } from "./dom.js";
import { showForm } from "./sheet.js";

const TYPING_EVERY = 3000; // milliseconds between two typing events while a person goes on typing
const NEWEST = ""; // the emulator's own choice: whoever wrote last
const OTHER = "other";

export class Composer {
  // act(body) posts an action and answers whether it worked; `sample` is the picture offered as a file.
  constructor(act, name, sample) {
    this.act = act;
    this.sample = sample;
    this.typed = 0;
    this.others = [];
    this.input = el("input", { class: "say", autocomplete: "off", "aria-label": `Message from ${name}` });
    this.input.addEventListener("input", () => this.type());
    this.to = el("select", { class: "to", onchange: () => this.to.value === OTHER && this.askOther() });
    this.node = el("form", { class: "composer" }, this.recipient(), this.tools());
    this.node.addEventListener("submit", (event) => this.send(event));
  }

  recipient() {
    return el("label", { class: "to-line" }, el("span", {}, "To"), this.to);
  }

  tools() {
    const tool = (name, symbol, onclick) => button({ class: "round", "aria-label": name, onclick }, icon(symbol));
    this.place = tool("Send a location", "pin", () => this.askPlace());
    this.file = tool("Send a file", "file", () => this.askFile());
    const send = el("button", { class: "round send", "aria-label": "Send" }, icon("send"));
    return el("div", { class: "tools" }, this.place, this.file, this.input, send);
  }

  // peers: [{via, to}] this phone has spoken with or could write to; newest: the one that a plain answer reaches.
  update(peers, newest) {
    const known = [...peers, ...this.others];
    const options = known.map((peer) => [JSON.stringify(peer), nameOf(peer)]);
    if (newest) options.unshift([NEWEST, `${nameOf(newest)}, who wrote last`]);
    options.push([OTHER, "Another number by SMS…"]);
    const key = JSON.stringify(options);
    if (key !== this.shown) this.offer(options);
    this.shown = key;
    this.sms = this.peer(newest)?.via === "sms";
    for (const each of [this.place, this.file]) put(each, { disabled: this.sms }); // an SMS is text
    put(this.input, { placeholder: `${this.sms ? "SMS" : "RCS"} message` });
  }

  offer(options) {
    const chosen = this.to.value;
    this.to.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
    this.to.value = options.some(([value]) => value === chosen) ? chosen : options[0][0];
  }

  // Whom the person chose, or `otherwise`.
  peer(otherwise = null) {
    return this.to.value.startsWith("{") ? JSON.parse(this.to.value) : otherwise;
  }

  askOther() {
    const number = { label: "Number or short code", name: "to", required: true };
    this.to.selectedIndex = 0;
    showForm("Write by SMS to", [number], "Choose", ({ to }) => {
      const peer = { via: "sms", to: to.trim() };
      this.others.push(peer);
      this.to.prepend(el("option", { value: JSON.stringify(peer) }, nameOf(peer)));
      this.to.selectedIndex = 0;
      return true;
    });
  }

  async send(event) {
    event.preventDefault();
    const text = this.input.value;
    if (!text.trim()) return;
    this.input.value = "";
    this.typed = 0;
    const sent = await this.act({ action: "text", text, ...this.peer() });
    if (!sent && !this.input.value) this.input.value = text;
  }

  type() {
    const now = Date.now();
    if (!this.input.value || this.sms || now - this.typed < TYPING_EVERY) return;
    this.typed = now;
    this.act({ action: "type", ...this.agent() }, true);
  }

  // Whom the person chose, for what travels by RCS only.
  agent() {
    const peer = this.peer();
    return peer?.via === "rcs" ? { to: peer.to } : {};
  }

  // `action` gets latitude and longitude on its way.
  askPlace(action = { action: "location", ...this.agent() }) {
    const fields = [
      { label: "Latitude", name: "latitude", type: "number", step: "any", min: -90, max: 90, value: 59.437, required: true },
      { label: "Longitude", name: "longitude", type: "number", step: "any", min: -180, max: 180, value: 24.7536, required: true },
    ];
    showForm("Send a location", fields, "Send location", ({ latitude, longitude }) =>
      this.act({ ...action, latitude: Number(latitude), longitude: Number(longitude) }),
    );
  }

  askFile() {
    const fields = [
      { label: "Address", name: "url", type: "url", value: new URL(this.sample, location.href).href, required: true },
      { label: "Media type", name: "media_type", value: "image/png" },
      { label: "Name", name: "name", value: "sample.png" },
    ];
    showForm("Send a file", fields, "Send file", (given) => this.act({ action: "file", ...this.agent(), ...given }));
  }
}

function nameOf(peer) {
  return `${peer.to} · ${peer.via.toUpperCase()}`;
}
