/** Map symbols drawn on a canvas when the map first asks for them, by name. */

import { SEVERITIES } from "../incidents/order";
import type { Severity, Unit } from "../protocol";
import { COURSE, SEVERITY_COLOUR, UNIT_COLOUR } from "./look";

/** Sharp on every phone; MapLibre scales down. */
export const PIXEL_RATIO = 3;
/** The ring of time used has this many steps, so that there are few distinct images. */
const RING_STEPS = 12;
const DARK = "#0B111A";

/** `incident/critical/hollow/7/plain`; ring: `none`, 0-12, `over`. */
export function incidentIcon(severity: Severity, hollow: boolean, used: number | null, selected: boolean): string {
  const ring = used === null ? "none" : used > 1 ? "over" : String(Math.round(used * RING_STEPS));
  return ["incident", severity, hollow ? "hollow" : "solid", ring, selected ? "selected" : "plain"].join("/");
}

export const unitIcon = (state: Unit["state"] | "stale"): string => `unit/${state}`;

/** The image of a name; `null` for one that is not ours. */
export function draw(name: string): ImageData | null {
  const [what, a = "", b, c = "", d] = name.split("/");
  if (what === "incident" && a in SEVERITY_COLOUR) return incident(a as Severity, b === "hollow", c, d === "selected");
  if (what === "alert" && a in SEVERITY_COLOUR) return alert(a as Severity, b === "hollow");
  if (what === "unit" && a in UNIT_COLOUR) return unit(a as keyof typeof UNIT_COLOUR);
  if (what === "course") return mark(a === "end" ? 6 : 4);
  const cluster_ = /^cluster-(\d)$/.exec(name);
  const severity = SEVERITIES[Number(cluster_?.[1] ?? -1)];
  return severity ? cluster(severity) : null;
}

function canvas(width: number, height: number, paint: (c: CanvasRenderingContext2D) => void): ImageData | null {
  const element = document.createElement("canvas");
  element.width = Math.round(width * PIXEL_RATIO);
  element.height = Math.round(height * PIXEL_RATIO);
  const c = element.getContext("2d");
  if (!c) return null;
  c.scale(PIXEL_RATIO, PIXEL_RATIO);
  c.lineJoin = "round";
  paint(c);
  return c.getImageData(0, 0, element.width, element.height);
}

/** Outline of a severity's shape around (x, y); all four look equally large. */
export function shape(c: CanvasRenderingContext2D | Path2D, severity: Severity, x: number, y: number, r: number): void {
  const corners: Record<Severity, readonly (readonly [number, number])[]> = {
    critical: [[0, -1.16], [1.16, 0], [0, 1.16], [-1.16, 0]],
    major: [[0, -1.12], [1.08, 0.78], [-1.08, 0.78]],
    minor: [],
    info: [[-0.86, -0.86], [0.86, -0.86], [0.86, 0.86], [-0.86, 0.86]],
  };
  if (severity === "minor") {
    c.moveTo(x + r * 0.98, y);
    c.arc(x, y, r * 0.98, 0, Math.PI * 2);
  } else {
    corners[severity].forEach(([dx, dy], i) => (i === 0 ? c.moveTo(x + dx * r, y + dy * r) : c.lineTo(x + dx * r, y + dy * r)));
  }
  c.closePath();
}

/** A head on a stem: the stem's foot is the place. */
function incident(severity: Severity, hollow: boolean, ring: string, selected: boolean): ImageData | null {
  const k = selected ? 1.25 : 1;
  const [w, h, head] = [44 * k, 58 * k, 21 * k];
  const x = w / 2;
  const colour = SEVERITY_COLOUR[severity];
  return canvas(w, h, (c) => {
    c.strokeStyle = DARK;
    c.lineWidth = 5;
    line(c, x, head, x, h - 4);
    c.strokeStyle = colour;
    c.lineWidth = 2.5;
    line(c, x, head, x, h - 4);
    dot(c, x, h - 4, 3.5, colour);
    dot(c, x, head, 19 * k, selected ? "rgba(11,17,26,0.96)" : "rgba(11,17,26,0.82)");
    c.lineWidth = 2.5 * k;
    arc(c, x, head, 17.5 * k, 0, 1, selected ? "#FFFFFF" : "rgba(201,212,226,0.22)");
    if (ring === "over") arc(c, x, head, 17.5 * k, 0, 1, SEVERITY_COLOUR.critical);
    else if (ring !== "none" && !selected) arc(c, x, head, 17.5 * k, 0, Number(ring) / RING_STEPS, "#D9E3EE");
    c.beginPath();
    shape(c, severity, x, head, (hollow ? 9 : 10.5) * k);
    if (hollow) {
      c.lineWidth = 3 * k;
      c.strokeStyle = colour;
      c.stroke();
    } else {
      c.fillStyle = colour;
      c.fill();
    }
  });
}

/** A severity's shape alone, for the edge of a warned area. */
function alert(severity: Severity, hollow: boolean): ImageData | null {
  return canvas(20, 20, (c) => {
    c.beginPath();
    shape(c, severity, 10, 10, 6);
    c.lineWidth = 4;
    c.strokeStyle = DARK;
    c.stroke();
    c.fillStyle = hollow ? DARK : SEVERITY_COLOUR[severity];
    c.fill();
    if (hollow) {
      c.lineWidth = 2;
      c.strokeStyle = SEVERITY_COLOUR[severity];
      c.stroke();
    }
  });
}

function cluster(severity: Severity): ImageData | null {
  const [size, x, y, r] = [52, 26, 26, 19];
  return canvas(size, size, (c) => {
    dot(c, x, y, r + 2.5, DARK);
    dot(c, x, y, r, "#172130");
    c.lineWidth = 3;
    arc(c, x, y, r - 0.5, 0, 1, SEVERITY_COLOUR[severity]);
    // The worst one's shape sits on the ring, for eyes that don't tell the colours apart.
    c.beginPath();
    shape(c, severity, x, y - r + 0.5, 6);
    c.lineWidth = 4;
    c.strokeStyle = DARK;
    c.stroke();
    c.fillStyle = SEVERITY_COLOUR[severity];
    c.fill();
  });
}

/** A point of the course: a ring on the line. */
function mark(r: number): ImageData | null {
  return canvas(2 * r + 4, 2 * r + 4, (c) => {
    dot(c, r + 2, r + 2, r, DARK);
    c.lineWidth = 2;
    arc(c, r + 2, r + 2, r, 0, 1, COURSE);
  });
}

function unit(state: keyof typeof UNIT_COLOUR): ImageData | null {
  return canvas(30, 30, (c) => {
    c.beginPath();
    c.moveTo(15, 3.5);
    c.lineTo(24, 25);
    c.lineTo(15, 20);
    c.lineTo(6, 25);
    c.closePath();
    c.strokeStyle = DARK;
    c.lineWidth = 4;
    c.stroke();
    if (state === "stale") {
      c.setLineDash([3, 2.5]);
      c.lineWidth = 2;
      c.strokeStyle = UNIT_COLOUR.stale;
      c.fillStyle = "rgba(11,17,26,0.7)";
      c.fill();
      c.stroke();
    } else {
      c.fillStyle = UNIT_COLOUR[state];
      c.fill();
    }
  });
}

function line(c: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
}

function dot(c: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string): void {
  c.beginPath();
  c.arc(x, y, r, 0, Math.PI * 2);
  c.fillStyle = colour;
  c.fill();
}

/** Part of a circle, from the top clockwise; `from`, `to` in turns. */
function arc(c: CanvasRenderingContext2D, x: number, y: number, r: number, from: number, to: number, colour: string): void {
  c.beginPath();
  c.arc(x, y, r, (from - 0.25) * 2 * Math.PI, (to - 0.25) * 2 * Math.PI);
  c.strokeStyle = colour;
  c.stroke();
}
