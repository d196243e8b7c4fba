/** Who holds this phone and how it behaves: kept in localStorage, overridden by the query string (tests, demonstrations). */

import { signal } from "@preact/signals";
import type { Role } from "./protocol";

export type Lang = "both" | "zh" | "en";

export interface Settings {
  name: string;
  role: Role;
  /** Stable for this phone: `phone-3f9c`. */
  screen: string;
  token: string | null;
  follow: boolean;
  lang: Lang;
}

const KEY = "yiping.settings";
const ROLES: readonly Role[] = ["viewer", "field", "officer", "presenter"];
const LANGS: readonly Lang[] = ["both", "zh", "en"];

/** Reading and writing storage can fail (private mode, full); the app then forgets at reload and goes on. */
export function stored<T>(key: string): Partial<T> {
  try {
    return (JSON.parse(localStorage.getItem(key) ?? "{}") ?? {}) as Partial<T>;
  } catch {
    return {};
  }
}

export function store(key: string, value: unknown): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function randomId(): string {
  // `crypto.randomUUID` is missing on plain http, where a phone in a local network often is.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const oneOf = <T extends string>(value: string | null | undefined, of: readonly T[], otherwise: T): T =>
  of.find((v) => v === value) ?? otherwise;

function load(): Settings {
  const kept = stored<Settings>(KEY);
  const query = new URLSearchParams(location.search);
  const settings: Settings = {
    name: query.get("name") ?? kept.name ?? "",
    role: oneOf(query.get("role") ?? kept.role, ROLES, "field"),
    screen: query.get("screen") ?? kept.screen ?? `phone-${randomId().slice(0, 4)}`,
    token: query.get("token") ?? kept.token ?? null,
    follow: query.has("follow") ? query.get("follow") !== "0" && query.get("follow") !== "false" : (kept.follow ?? true),
    lang: oneOf(query.get("lang") ?? kept.lang, LANGS, "both"),
  };
  store(KEY, settings);
  return settings;
}

export const settings = signal<Settings>(load());

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
  store(KEY, settings.value);
}

/** The name written into events; a phone without one is known by its screen. */
export const actor = (s: Settings): string => s.name.trim() || s.screen;

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
