// Turns what a message says (text, card, carousel, file, audio, location, form) into elements. Taps and filled-in forms
// go to the functions it is given.

import { audioBubble } from "./audio.js";
import { button, el, icon, link, linked, webAddress } from "./dom.js";
import { formBubble } from "./form.js";

const NOT_A_PICTURE = /^(video|audio|text|application)\//;
const ICON_OF = {
  open_url: "link",
  dial: "phone",
  show_location: "pin",
  request_location: "pin",
  calendar_event: "calendar",
  compose_text: "pen",
  compose_recording: "mic",
  request_device_specifics: "device",
  disable_anonymization: "mask",
  enable_displayed_notifications: "notify",
};

const RENDERERS = {
  text: (message) => el("p", { class: "bubble text" }, ...linked(message.text ?? "")),
  card: (message, tap) => el("div", { class: "single-card" }, ...beside(message), ...cards(message, tap)),
  carousel,
  file: (message) => (isSound(message.media) ? audioBubble(message) : fileBubble(message.media ?? {}, message.text)),
  audio: audioBubble,
  location: locationBubble,
  form: (message, tap, fill) => formBubble(message, fill),
};

export function contentOf(message, tap, fill) {
  return (RENDERERS[message.kind] ?? RENDERERS.text)(message, tap, fill);
}

// The text that stands beside a card or a carousel, as a bubble above it.
function beside(message) {
  return message.text ? [el("p", { class: "bubble text" }, ...linked(message.text))] : [];
}

function isSound(media) {
  return /^audio\//.test(media?.media_type ?? "");
}

// Cards first, each from top to bottom, then the chip list: the order in which the emulator counts suggestions.
export function suggestionsInOrder(message) {
  return [...(message.cards ?? []).flatMap((card) => card.suggestions ?? []), ...(message.suggestions ?? [])];
}

export function suggestionButton(message, suggestion, className, tap) {
  const index = suggestionsInOrder(message).indexOf(suggestion);
  const shape = { class: className, "data-index": index, "data-tapped": Boolean(suggestion.tapped) };
  const symbol = symbolOf(suggestion);
  const run = () => tap(message, suggestion, index);
  return button({ ...shape, onclick: run }, symbol && icon(symbol), el("span", {}, suggestion.label));
}

function symbolOf({ kind, detail }) {
  if (kind === "dial" && detail?.mode === "video") return "camera";
  if (kind === "compose_recording" && detail?.type === "video") return "camera";
  if (kind === "show_location" && detail?.query) return "search";
  return ICON_OF[kind];
}

function cards(message, tap) {
  return (message.cards ?? []).map((card) => cardOf(message, card, tap));
}

function cardOf(message, card, tap) {
  const title = card.title && el("h3", {}, card.title);
  const description = card.description && el("p", {}, ...linked(card.description));
  const words = (title || description) && el("div", { class: "words" }, title, description);
  const taps = (card.suggestions ?? []).map((each) => suggestionButton(message, each, "card-button", tap));
  const body = el("div", { class: "card-body" }, words, taps.length > 0 && el("div", { class: "taps" }, ...taps));
  const shape = `card ${card.orientation ?? "vertical"} picture-${card.alignment ?? "left"}`;
  return el("article", { class: shape }, card.media && cardPicture(card.media), (words || taps.length > 0) && body);
}

function cardPicture(media) {
  const classes = `picture ${media.height || "medium"}`;
  const isPicture = !NOT_A_PICTURE.test(media.media_type ?? "");
  const shown = imageOr(isPicture ? media.url : media.thumbnail, media.alt, classes, () => missing(media.alt, classes));
  return isPicture ? shown : playable(shown, media);
}

function playable(shown, media) {
  const address = webAddress(media.url);
  const name = `Open ${media.alt || "the video"}`;
  const play = address && link(address, icon("play"));
  if (play) play.setAttribute("aria-label", name);
  return el("div", { class: "playable" }, shown, play);
}

// An image, replaced by `substitute()` when its address is not one a browser may fetch, or when it fails to load.
function imageOr(url, alt, classes, substitute) {
  const address = webAddress(url);
  if (!address) return substitute();
  const image = el("img", { class: classes, alt: alt ?? "", referrerpolicy: "no-referrer", draggable: "false" });
  image.addEventListener("error", () => image.replaceWith(substitute()));
  image.src = address;
  return image;
}

function missing(alt, classes) {
  return el("div", { class: `${classes} missing` }, alt || "Picture not available");
}

function carousel(message, tap) {
  const shown = cards(message, tap);
  const name = `Carousel of ${shown.length} cards`;
  const scroller = el("div", { class: `cards ${message.card_width ?? "medium"}`, tabindex: "0" }, ...shown);
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", name);
  const move = mover(scroller);
  const back = arrow("left", "Previous card", () => move(-1));
  const on = arrow("right", "Next card", () => move(1));
  const settle = () => showArrows(scroller, back, on);
  scroller.addEventListener("scroll", settle, { passive: true });
  new ResizeObserver(settle).observe(scroller);
  const swiped = el("div", { class: "carousel" }, scroller, back, on);
  return message.text ? el("div", {}, ...beside(message), swiped) : swiped;
}

function arrow(direction, name, onclick) {
  return button({ class: `round arrow ${direction}`, "aria-label": name, onclick }, icon(direction));
}

// Steps count from the card that is being scrolled to, so that quick clicks are not lost while it still moves.
function mover(scroller) {
  let goal = null;
  scroller.addEventListener("scrollend", () => (goal = null));
  return (step) => {
    const lefts = Array.from(scroller.children, (card) => card.offsetLeft - scroller.firstElementChild.offsetLeft);
    const here = goal ?? nearest(lefts, scroller.scrollLeft);
    goal = Math.max(0, Math.min(here + step, lefts.length - 1));
    scroller.scrollTo({ left: lefts[goal], behavior: calm() ? "instant" : "smooth" });
  };
}

function nearest(lefts, left) {
  const distances = lefts.map((each) => Math.abs(each - left));
  return distances.indexOf(Math.min(...distances));
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function showArrows(scroller, back, on) {
  back.hidden = scroller.scrollLeft < 4;
  on.hidden = scroller.scrollLeft + scroller.clientWidth > scroller.scrollWidth - 4;
}

function fileBubble(media, text) {
  const name = text || media.name || fileName(media.url);
  const isPicture = !NOT_A_PICTURE.test(media.media_type ?? "");
  const source = isPicture ? media.url : media.thumbnail;
  const alt = media.alt || (isPicture ? "" : media.thumbnail_name) || name;
  const preview = imageOr(source, alt, "preview", () => el("span", { class: "file-icon" }, icon("file")));
  const about = [media.media_type, sizeOf(media.size)].filter(Boolean).join(" · ");
  const kind = about && el("small", {}, about);
  const words = el("span", { class: "file-words" }, el("span", { class: "file-name" }, name), kind);
  const address = webAddress(media.url);
  const body = address ? link(address, preview, words) : el("div", {}, preview, words);
  body.className = "bubble file";
  return body;
}

function sizeOf(bytes) {
  if (!bytes) return "";
  const [unit, divisor] = bytes < 1_000_000 ? ["kB", 1000] : ["MB", 1_000_000];
  return `${Math.max(0.1, bytes / divisor).toFixed(bytes < 10 * divisor ? 1 : 0)} ${unit}`;
}

function fileName(url) {
  const last = (url ?? "").split(/[?#]/)[0].split("/").pop();
  try {
    return decodeURIComponent(last) || "File";
  } catch {
    return last;
  }
}

// The link is a geo: address (RFC 5870): the machine's own map opens it, and this page names no map service.
function locationBubble(message) {
  const { latitude, longitude, text } = message;
  const known = Number.isFinite(latitude) && Number.isFinite(longitude);
  const degrees = known ? `${latitude}, ${longitude}` : "";
  const label = text === degrees ? "" : text;
  const words = el("p", {}, label && el("b", {}, label), label && degrees && el("br"), degrees || (!label && "A place"));
  const map = el("span", { class: "map" }, icon("pin"));
  const body = known ? el("a", { href: `geo:${latitude},${longitude}` }, map, words) : el("div", {}, map, words);
  body.className = "bubble place";
  return body;
}
