// The bottom of a phone: a field to write in, to whom, and buttons to send a place or a file.

import { button, el, icon, put } from "./dom.js";
import { showForm } from "./sheet.js";

const TYPING_EVERY = 3000; // milliseconds between two typing events while a person goes on typing
const NEWEST = ""; // the emulator's own choice: the agent that wrote last
const OTHER = "other";

export class Composer {
  // act(body) posts an action and answers whether it worked; `page` gives the picture offered as a file (`sample`) and
  // says over which channel a provider sends.
  constructor(act, name, page) {
    this.act = act;
    this.page = page;
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

  // peers: [{via, to}] (a provider, or sms for any that sends SMS, and its agent) this phone has spoken with or could write to; newest: the one that a plain answer reaches.
  update(peers, newest) {
    const known = [...peers, ...this.others];
    const options = known.map((peer) => [JSON.stringify(peer), this.nameOf(peer)]);
    if (newest) options.unshift([NEWEST, `${this.nameOf(newest)}, who wrote last`]);
    options.push([OTHER, "Another number by SMS…"]);
    const key = JSON.stringify(options);
    if (key !== this.shown) this.offer(options);
    this.shown = key;
    this.sms = this.isSms(this.peer(newest));
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
      this.to.prepend(el("option", { value: JSON.stringify(peer) }, this.nameOf(peer)));
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
    const active = Boolean(this.input.value);
    if (this.sms || (active ? now - this.typed < TYPING_EVERY : !this.typed)) return;
    this.typed = active ? now : 0;
    this.act({ action: "type", active, ...this.agent() }, true);
  }

  // Whom the person chose, for what travels by RCS only.
  agent() {
    const peer = this.peer();
    return peer && !this.isSms(peer) ? peer : {};
  }

  isSms(peer) {
    return Boolean(peer) && this.channelOf(peer) === "sms";
  }

  channelOf(peer) {
    return peer.channel ?? this.page.channelOf(peer.via);
  }

  nameOf(peer) {
    const channel = this.channelOf(peer);
    const provider = peer.via === channel ? [] : [peer.via];
    return [peer.to, ...provider, channel.toUpperCase()].join(" · ");
  }

  // `action` gets latitude and longitude on its way.
  askPlace(action = { action: "location", ...this.agent() }) {
    const fields = [
      { label: "Latitude", name: "latitude", type: "number", step: "any", min: -90, max: 90, value: 59.437, required: true },
      { label: "Longitude", name: "longitude", type: "number", step: "any", min: -180, max: 180, value: 24.7536, required: true },
    ];
    if (action.action === "location") fields.push({ label: "Label", name: "label" });
    showForm("Send a location", fields, "Send location", ({ latitude, longitude, ...label }) =>
      this.act({ ...action, ...label, latitude: Number(latitude), longitude: Number(longitude) }),
    );
  }

  askFile() {
    const fields = [
      { label: "Address", name: "url", type: "url", value: new URL(this.page.sample, location.href).href, required: true },
      { label: "Media type", name: "media_type", value: "image/png" },
      { label: "Name", name: "name", value: "sample.png" },
    ];
    showForm("Send a file", fields, "Send file", (given) => this.act({ action: "file", ...this.agent(), ...given }));
  }
}
