// Builds elements for every other module. Text goes in as text, never as HTML, because all of it comes from senders.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  add: "M12 5v14M5 12h14",
  notify: "M6 17h12l-1.5-2.5V10a4.5 4.5 0 00-9 0v4.5zM10 20h4",
  arrow: "M5 12h13M12 5l7 7-7 7",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  camera: "M3 7h12v10H3zM15 11l6-3.5v9L15 13",
  close: "M6 6l12 12M18 6L6 18",
  device: "M7 3h10v18H7zM11 18h2",
  down: "M6 9l6 6 6-6",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  left: "M15 5l-7 7 7 7",
  link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  mask: "M3 10c3-1.5 15-1.5 18 0 0 5-3 7-5 7s-2.5-2-4-2-2 2-4 2-5-2-5-7zM7.5 12h2M14.5 12h2",
  mic: "M12 3a3 3 0 013 3v5a3 3 0 01-6 0V6a3 3 0 013-3zM6 11a6 6 0 0012 0M12 17v4",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  pause: "M8 5v14M16 5v14",
  pen: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  phone: "M6 3h3l2 5-2.5 1.5a12 12 0 006 6L16 13l5 2v3a3 3 0 01-3 3A15 15 0 013 6a3 3 0 013-3z",
  pin: "M12 21s7-6.5 7-12a7 7 0 00-14 0c0 5.5 7 12 7 12zM12 11.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5z",
  plane: "M10.5 13.5L3 16v-2l7.5-5V4a1.5 1.5 0 013 0v5l7.5 5v2l-7.5-2.5V18l2.5 2v1l-4-1-4 1v-1l2.5-2z",
  play: "M8 5l11 7-11 7z",
  right: "M9 5l7 7-7 7",
  search: "M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.5 15.5L20 20",
  sound: "M4 10v4h4l5 4V6l-5 4zM16.5 9a4.5 4.5 0 010 6",
  send: "M4 12l16-8-6 17-3-7z",
};

// el("p", {class: "note", onclick: f}, "text", node): null and false among the children are left out.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return node;
}

function set(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === true) node.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
}

export function button(attributes, ...children) {
  return el("button", { type: "button", ...attributes }, ...children);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }))
    svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// The address if a browser may fetch or open it, else null: other schemes could run code in this page.
export function webAddress(value) {
  if (typeof value !== "string" || !/^(https?:\/\/|\/(?!\/))/i.test(value)) return null;
  return URL.canParse(value, document.baseURI) ? new URL(value, document.baseURI).href : null;
}

export function openInNewTab(address) {
  window.open(address, "_blank", "noopener,noreferrer");
}

export function link(address, ...children) {
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

// Text as nodes, its web addresses as links. A closing bracket or full stop after an address is not part of it.
export function linked(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]]/gi)) {
    const address = webAddress(match[0]);
    if (!address) continue;
    nodes.push(text.slice(from, match.index), link(address, match[0]));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

// Sets an attribute or text only when it differs, so that nothing is announced or repainted without a reason.
export function put(node, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name === "text") {
      if (node.textContent !== value) node.textContent = value;
    } else if (name === "hidden" || name === "disabled") {
      if (node[name] !== value) node[name] = value;
    } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}
