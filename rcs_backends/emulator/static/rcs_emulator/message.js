// One row of a conversation: a message's content, its ticks and words of state. Changes only what has changed.

import { contentOf, suggestionsInOrder } from "./content.js";
import { el, put } from "./dom.js";

const CHANGING = new Set(["state", "tapped", "doubles", "expires_at"]); // everything else redraws the content
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const SVG = "http://www.w3.org/2000/svg";

export class MessageRow {
  constructor(message, tap, fill) {
    this.tap = tap;
    this.fill = fill;
    this.sender = el("p", { class: "sender", hidden: true });
    this.content = el("div", { class: "content" });
    this.meta = new Meta(message);
    this.node = el("li", { class: `row ${message.direction} ${message.channel}`, "data-id": message.id });
    this.node.append(this.sender, this.content, this.meta.node);
    this.update(message);
  }

  update(message) {
    this.message = message;
    const content = JSON.stringify(message, (key, value) => (CHANGING.has(key) ? undefined : value));
    if (content !== this.drawn) this.draw(message);
    this.drawn = content;
    put(this.node, { "data-state": message.state });
    this.content.inert = message.direction === "in" && message.state !== "delivered" && message.state !== "read";
    this.meta.update(message);
    showTapped(this.node, message);
  }

  draw(message) {
    const scrolled = this.content.querySelector(".cards")?.scrollLeft ?? 0;
    this.content.replaceChildren(contentOf(message, this.tap, this.fill));
    const scroller = this.content.querySelector(".cards");
    if (scroller) scroller.scrollLeft = scrolled;
  }

  // Named where the conversation partner changes; "" hides it.
  showSender(name) {
    put(this.sender, { text: name, hidden: !name });
  }
}

export function showTapped(node, message) {
  const suggestions = suggestionsInOrder(message);
  for (const tapped of node.querySelectorAll("[data-index]"))
    put(tapped, { "data-tapped": Boolean(suggestions[tapped.dataset.index]?.tapped) });
}

class Meta {
  constructor(message) {
    const at = new Date(message.at);
    this.word = el("strong", { class: "word" });
    this.ticks = ticks();
    this.node = el("p", { class: "meta" }, message.channel === "sms" && el("span", { class: "tag" }, "SMS"));
    this.node.append(
      el("span", { class: "traffic" }, message.direction === "in" ? (message.traffic ?? "") : ""),
      el("time", { datetime: message.at, title: at.toLocaleString() }, at.toLocaleTimeString([], CLOCK)),
      this.word,
      this.ticks,
    );
  }

  update(message) {
    put(this.word, { text: words(message), hidden: !words(message) });
    put(this.ticks, { "data-state": message.state, "aria-label": message.state });
  }
}

function words(message) {
  const said = [];
  if (message.state === "revoked" || message.state === "expired") said.push(message.state);
  if (message.state === "waiting" && message.direction === "in") said.push(waitingUntil(message));
  if (message.doubles > 0) said.push(`shown ${message.doubles + 1} times`);
  return said.join(" · ");
}

function waitingUntil(message) {
  if (!message.expires_at) return "waiting";
  return `waiting, expires ${new Date(message.expires_at).toLocaleTimeString([], { ...CLOCK, second: "2-digit" })}`;
}

function ticks() {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "ticks", viewBox: "0 0 20 12", role: "img" }))
    svg.setAttribute(name, value);
  for (const [name, drawn] of [["first", "M1 6.5l3.5 3.5L12 2"], ["second", "M9.5 9l1 1L18 2"]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", drawn);
    svg.append(path);
  }
  return svg;
}
