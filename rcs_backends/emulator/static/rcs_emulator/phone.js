// One handset: its switches, its conversation and its composer, kept level with what the emulator says of it.

import { api, attempt, handsetPath, showToast } from "./api.js";
import { Composer } from "./composer.js";
import { suggestionButton } from "./content.js";
import { button, el, icon, openInNewTab, put, webAddress } from "./dom.js";
import { MessageRow, showTapped } from "./message.js";
import { showDetail, showForm } from "./sheet.js";

const NEAR_THE_END = 60; // pixels: who has scrolled further up is reading, and is not pulled down

export class Phone {
  // `page` gives the sample picture, the agents one may write to, `changed()` to look again at once, and `announce`.
  constructor(handset, page) {
    this.page = page;
    this.number = handset.number;
    this.rows = new Map();
    this.follow = true; // stay at the end as the conversation grows
    this.top = 0;
    this.composer = new Composer((body, quiet) => this.act(body, quiet), handset.number, page);
    this.build(handset);
    this.update(handset);
  }

  build(handset) {
    this.node = el("section", { class: "phone", "data-number": handset.number });
    this.list = el("ol", { class: "rows" });
    this.typing = el("p", { class: "typing", role: "img", "aria-label": "The agent is typing", hidden: true });
    this.typing.append(el("i"), el("i"), el("i"));
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "Suggestions" });
    this.talk = el("div", { class: "talk", tabindex: "0" }, this.list, this.typing, this.chips);
    this.jump = button({ class: "jump", hidden: true, onclick: () => this.toEnd() }, "New messages", icon("down"));
    this.node.append(this.header(), this.talk, this.jump, this.composer.node);
    for (const part of [this.talk, this.composer.node]) part.addEventListener("click", () => this.markRead());
    this.talk.addEventListener("scroll", () => this.scrolled(), { passive: true });
    const growth = new ResizeObserver(() => this.follow && this.toEnd()); // pictures arrive after their message
    for (const part of [this.talk, this.list, this.typing, this.chips]) growth.observe(part);
  }

  header() {
    this.face = el("span", { class: "face", "aria-hidden": "true" });
    this.name = el("h2", {});
    this.unread = el("span", { class: "unread", hidden: true });
    this.rcs = this.toggle("RCS", "rcs", () => ({ rcs: !this.handset.rcs }));
    this.plane = this.toggle("Airplane mode", "airplane", () => ({ online: !this.handset.online }), icon("plane"));
    this.masked = el("span", { hidden: true }, " · anonymous");
    const who = el("div", { class: "who" }, this.name, el("p", { class: "number" }, this.number, this.masked));
    const top = el("div", { class: "top" }, this.face, who, this.unread, this.menu());
    return el("header", {}, top, el("div", { class: "switches" }, this.rcs, this.plane));
  }

  toggle(name, kind, change, symbol = null) {
    const flip = () => this.change(change());
    const knob = el("span", { class: "knob", "aria-hidden": "true" });
    return button({ class: `switch ${kind}`, role: "switch", onclick: flip }, symbol, el("span", {}, name), knob);
  }

  menu() {
    this.consent = button({ onclick: () => this.toggleConsent() });
    const rename = button({ onclick: () => this.rename() }, "Rename");
    this.mask = this.toggle("Anonymous", "anonymous", () => ({ anonymous: !this.handset.anonymous }));
    this.mask.title = "Senders get a token instead of the number, where their provider has such a thing";
    const summary = el("summary", { class: "round", "aria-label": "More" }, icon("more"));
    const menu = el("details", { class: "menu" }, summary, el("div", {}, this.consent, rename, this.mask));
    menu.addEventListener("click", (event) => event.target.closest("button") && (menu.open = false));
    menu.addEventListener("focusout", (event) => !menu.contains(event.relatedTarget) && (menu.open = false));
    menu.addEventListener("keydown", (event) => event.key === "Escape" && ((menu.open = false), summary.focus()));
    return menu;
  }

  update(handset) {
    this.handset = handset;
    const name = handset.name || "Phone";
    put(this.node, { "aria-label": `${name}, ${handset.number}`, "data-online": handset.online });
    put(this.talk, { "aria-label": `Conversation of ${name}` });
    put(this.face, { text: name[0].toUpperCase() });
    put(this.name, { text: name });
    put(this.rcs, { "aria-checked": handset.rcs });
    put(this.plane, { "aria-checked": !handset.online });
    put(this.mask, { "aria-checked": handset.anonymous });
    put(this.masked, { hidden: !handset.anonymous });
    put(this.unread, { text: String(handset.unread), "aria-label": `${handset.unread} unread`, hidden: !handset.unread });
    put(this.consent, { text: handset.unsubscribed ? "Subscribe" : "Unsubscribe" });
    put(this.typing, { hidden: !handset.agent_typing });
  }

  showMessages(messages) {
    const fresh = messages.filter((message) => !this.rows.has(message.id));
    const arrived = messages.filter((message) => isShown(message) && !isShown(this.rows.get(message.id)?.message));
    this.dropRows(new Set(messages.map((message) => message.id)));
    for (const message of messages) this.showMessage(message);
    this.showSenders(messages);
    this.showChips(messages);
    this.composer.update(this.peers(messages), newestPeer(messages));
    if (fresh.at(-1)?.direction === "out") this.toEnd();
    else if (fresh.length && !this.follow) put(this.jump, { hidden: false });
    if (this.loaded) this.announce(arrived);
    this.loaded = true;
  }

  dropRows(kept) {
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      row.node.remove();
      this.rows.delete(id);
    }
  }

  showMessage(message) {
    const row = this.rows.get(message.id);
    if (row) return row.update(message);
    const fill = (form, data) => this.act({ action: "form", message: form.id, data });
    const added = new MessageRow(message, (...tapped) => this.tap(...tapped), fill);
    this.rows.set(message.id, added);
    return this.list.append(added.node);
  }

  showSenders(messages) {
    let before = "";
    for (const message of messages) {
      const name = `${message.agent} · ${message.provider} · ${message.channel.toUpperCase()}`;
      this.rows.get(message.id).showSender(name === before ? "" : name);
      before = name;
    }
  }

  // Only the newest message that the phone shows keeps its chips; any later one, from either side, takes them away.
  showChips(messages) {
    const message = messages.findLast(isShown);
    const suggestions = message?.direction === "in" ? message.suggestions : [];
    const key = JSON.stringify([message?.id, suggestions], (name, value) => (name === "tapped" ? undefined : value));
    if (key !== this.chipsShown) this.drawChips(message, suggestions);
    this.chipsShown = key;
    if (message) showTapped(this.chips, message);
  }

  drawChips(message, suggestions) {
    const focused = this.chips.contains(document.activeElement);
    const tap = (...tapped) => this.tap(...tapped);
    this.chips.replaceChildren(...suggestions.map((each) => suggestionButton(message, each, "chip", tap)));
    put(this.chips, { hidden: !suggestions.length });
    if (focused) this.talk.focus({ preventScroll: true });
  }

  peers(messages) {
    const all = [...messages.map(peerOf).reverse(), ...this.page.peers()];
    return [...new Map(all.map((peer) => [JSON.stringify(peer), peer])).values()];
  }

  announce(messages) {
    for (const message of messages.filter((each) => each.direction === "in"))
      this.page.announce(`${message.agent} to ${this.name.textContent}: ${summaryOf(message)}`);
  }

  // Only a person scrolls up; that the end has moved away does not mean that they did.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.talk;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    this.follow = atEnd || (this.follow && scrollTop >= this.top);
    this.top = scrollTop;
    if (atEnd) put(this.jump, { hidden: true });
  }

  toEnd() {
    this.follow = true;
    this.talk.scrollTop = this.talk.scrollHeight;
    put(this.jump, { hidden: true });
  }

  async act(body, quiet = false) {
    const path = handsetPath(this.number, "actions/");
    const done = quiet ? await api.post(path, body).catch(() => null) : await attempt(() => api.post(path, body));
    this.page.changed();
    return Boolean(done);
  }

  async change(keys) {
    const handset = await attempt(() => api.post("handsets/", { number: this.number, ...keys }));
    if (handset) this.update(handset);
    this.page.changed();
    return Boolean(handset);
  }

  markRead() {
    if (this.handset.unread) this.act({ action: "read" }, true);
  }

  toggleConsent() {
    this.act({ action: this.handset.unsubscribed ? "subscribe" : "unsubscribe", ...this.composer.peer() });
  }

  rename() {
    const name = { label: "Name", name: "name", value: this.handset.name, required: true };
    showForm("Rename the phone", [name], "Rename", (given) => this.change(given));
  }

  tap(message, suggestion, index) {
    const action = { action: "tap", suggestion: index, message: message.id };
    if (suggestion.kind === "request_location") return this.composer.askPlace(action);
    FOLLOW[suggestion.kind]?.(suggestion.detail ?? {});
    return this.act(action);
  }
}

// What a real phone does besides telling the sender of the tap.
const FOLLOW = {
  open_url: (detail) => {
    const address = webAddress(detail.url);
    if (address) openInNewTab(address);
    else showToast("The phone cannot open this: it is not a web address.");
  },
  dial: (detail) =>
    showDetail("The phone would dial", [
      ["Number", detail.phone],
      ["Call", detail.mode],
      ["Subject", detail.subject],
    ]),
  show_location: (detail) =>
    showDetail("The phone would show", [
      ["Place", detail.label],
      ["Latitude", detail.latitude],
      ["Longitude", detail.longitude],
      ["Search", detail.query],
    ]),
  calendar_event: (detail) =>
    showDetail("The phone would add to its calendar", [
      ["Title", detail.title],
      ["Start", localTime(detail.start)],
      ["End", localTime(detail.end)],
      ["Description", detail.description],
    ]),
  compose_text: (detail) =>
    showDetail("The phone would begin a message", [
      ["To", detail.phone],
      ["Text", detail.text],
    ]),
  compose_recording: (detail) =>
    showDetail("The phone would begin a recording", [
      ["To", detail.phone],
      ["Of", detail.type],
    ]),
  request_device_specifics: () => showToast("The phone tells the sender its model, its software and its battery."),
  disable_anonymization: () => showToast("The phone asks whether the sender may know the number."),
  enable_displayed_notifications: () => showToast("The phone asks whether the sender may know what was read."),
};

function localTime(value) {
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? value : time.toLocaleString();
}

// Whether the person has it before their eyes: what they sent themselves, and what has arrived and not been taken back.
function isShown(message) {
  return message?.direction === "out" || message?.state === "delivered" || message?.state === "read";
}

function peerOf(message) {
  return { via: message.provider, to: message.agent };
}

// Whom an answer reaches if nobody is chosen; a provider of RCS may have sent its message as an SMS.
function newestPeer(messages) {
  const newest = messages.findLast(isShown);
  return newest ? { ...peerOf(newest), channel: newest.channel } : null;
}

function summaryOf(message) {
  return message.text || message.cards?.[0]?.title || message.form?.title || message.media?.name || message.kind;
}
