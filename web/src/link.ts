/** One WebSocket to the hub: hello, resume by revision, ping, and reconnection with growing pauses. Knows nothing of what messages mean. */

import { signal } from "@preact/signals";
import { hint, learn } from "./clock";
import { type FromHub, type FromScreen, PROTOCOL_VERSION } from "./protocol";
import { actor, settings } from "./settings";

export type Connection =
  | { is: "connecting" }
  | { is: "live" }
  /** Lost a moment ago. */
  | { is: "reconnecting"; sinceMs: number }
  | { is: "offline"; sinceMs: number };

const PAUSE_FIRST_MS = 500;
/** A field worker walking out of a dead spot should not wait longer than this. */
const PAUSE_MAX_MS = 8_000;
const PING_EVERY_MS = 5_000;
/** Silence longer than this (three pings) means the line is dead although the socket does not say so. */
const SILENCE_MAX_MS = 15_000;
/** Lost for longer than this is called offline. */
const OFFLINE_AFTER_MS = 12_000;

export interface Receiver {
  message(message: FromHub): void;
  /** Revision to resume from; `null` asks for a snapshot. */
  resume(): number | null;
}

export const connection = signal<Connection>({ is: "connecting" });
/** Why the hub closed the connection, in its words; `null` once connected again. */
export const farewell = signal<string | null>(null);

export class Link {
  private socket: WebSocket | null = null;
  private failures = 0;
  private lostAtMs: number | null = null;
  private heardAtMs = 0;
  private timer: number | undefined;
  private hub: string | null = null;
  private resumed = false;
  private ignoreResume = false;
  /** The same screen was opened elsewhere: coming back by itself would throw that one out, and it us, for ever. */
  private replaced = false;

  constructor(private readonly to: Receiver) {
    setInterval(() => this.beat(), PING_EVERY_MS);
    addEventListener("online", () => this.connect());
    addEventListener("offline", () => this.lost());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && connection.value.is !== "live") this.connect();
    });
  }

  connect(): void {
    clearTimeout(this.timer);
    this.replaced = false;
    this.drop();
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.heardAtMs = Date.now();
    socket.onopen = () => this.hello();
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  /** False when there is no open line; the caller keeps what it wanted to say. */
  send(message: FromScreen): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Says hello again, for a changed name or role. */
  again(): void {
    this.connect();
  }

  private hello(): void {
    const s = settings.value;
    const resume = this.ignoreResume ? null : this.to.resume();
    this.ignoreResume = false;
    this.resumed = resume !== null;
    const who = { screen: s.screen, role: s.role, actor: actor(s), token: s.token };
    this.send({ type: "hello", version: PROTOCOL_VERSION, class: "small", ...who, resume });
    this.send({ type: "ping", sent_ms: Date.now() });
  }

  private hear(data: unknown): void {
    this.heardAtMs = Date.now();
    let message: FromHub;
    try {
      message = JSON.parse(String(data)) as FromHub;
    } catch (error) {
      console.error("the hub sent a frame that is not JSON; it is left out", error);
      return;
    }
    switch (message.type) {
      case "welcome":
        hint(message.time);
        if (this.resumed && this.hub !== null && this.hub !== message.hub) {
          // Another store: its revisions mean something else, so everything is asked for anew.
          this.hub = message.hub;
          this.ignoreResume = true;
          this.connect();
          return;
        }
        this.hub = message.hub;
        if (this.resumed) this.live();
        break;
      case "snapshot":
        this.live();
        break;
      case "pong":
        learn(message.sent_ms, message.time);
        break;
      case "bye":
        farewell.value = message.why;
        this.replaced = message.why.includes("second time");
        break;
    }
    this.to.message(message);
  }

  private live(): void {
    this.failures = 0;
    this.lostAtMs = null;
    farewell.value = null;
    connection.value = { is: "live" };
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(): void {
    this.drop();
    this.lostAtMs ??= Date.now();
    this.say();
    clearTimeout(this.timer);
    if (this.replaced) return;
    const pause = Math.min(PAUSE_FIRST_MS * 2 ** this.failures, PAUSE_MAX_MS);
    this.failures += 1;
    // Spread, so that a hundred phones do not return in the same instant.
    this.timer = setTimeout(() => this.connect(), pause * (0.75 + Math.random() / 2));
  }

  private say(): void {
    if (this.lostAtMs === null) return;
    const long = !navigator.onLine || Date.now() - this.lostAtMs > OFFLINE_AFTER_MS;
    connection.value = { is: long ? "offline" : "reconnecting", sinceMs: this.lostAtMs };
  }

  private beat(): void {
    if (this.lostAtMs !== null) this.say();
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.heardAtMs > SILENCE_MAX_MS) this.lost();
    else this.send({ type: "ping", sent_ms: Date.now() });
  }
}
