// A hub small enough to test this screen against: the protocol, conflicts, rejections, idempotent ids, resume, no disk.
// `node test/mock-hub.mjs [--port 0]` prints its address; loopback only.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import * as city from "./mock-city.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const NEXT = { verify: "verifying", accept: "accepted", register: "registered", dispatch: "dispatched", sign: "en_route", arrive: "handling", finish: "handled", check: "checking", close: "closed", return: "registered", rework: "handling", reopen: "registered", void: "void" };
const DELTAS_KEPT = 100;

const api = {
  "/api/scene": city.scene,
  "/api/city/areas.geojson": city.areas,
  "/api/city/places.geojson": city.places,
  "/api/city/marathon.gpx": city.gpx,
  "/package/map/ground.geojson": city.ground,
  "/package/map/footprints.geojson": city.footprints,
};

/** `missing`: addresses that answer 404. */
export async function startHub({ port = 0, missing = [] } = {}) {
  const nowMs = Date.now();
  const state = { revision: 100, view: city.view(), incidents: new Map(city.incidents(nowMs).map((i) => [i.id, i])), units: city.units(nowMs), ...city.sensors(nowMs), alerts: city.alerts(nowMs), feeds: city.feeds(nowMs) };
  const screens = new Map();
  const done = new Map();
  const deltas = [];
  const received = [];
  const seriesAsked = [];
  const time = () => new Date().toISOString();

  const http = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    if (missing.includes(path)) return response.writeHead(404).end();
    if (path === "/api/at") {
      // An hour ago there was one incident, and the unit stood elsewhere.
      const asked = new URL(request.url, "http://x").searchParams;
      const incidents = [...state.incidents.values()].slice(0, 1).map((i) => ({ ...i, title: "往事" }));
      // Readings of then: half of now, and one sensor had not been heard yet.
      const then = asked.get("time");
      const observations = state.observations.slice(2).map((o) => ({ ...o, value: o.value / 2, phenomenon_time: then }));
      const past = { time: then, known: asked.get("known"), incidents, units: [], observations, missing: [] };
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(past));
    }
    if (path === "/api/series") {
      const asked = new URL(request.url, "http://x").searchParams;
      const [from, to, step] = [Date.parse(asked.get("from")), Date.parse(asked.get("to")), Number(asked.get("step_s")) * 1000];
      seriesAsked.push(Object.fromEntries(asked));
      const reading = state.observations.find((o) => o.datastream === asked.get("datastream"))?.value ?? 0;
      const points = [];
      for (let at = from; at < to; at += step) points.push({ start: new Date(at).toISOString(), count: 4, suspect: 0, mean: reading * (0.8 + 0.2 * Math.sin(at / 3e6)) });
      // A bucket without a good reading has no mean.
      if (points[3]) points[3] = { ...points[3], count: 0, mean: null };
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ from: asked.get("from"), to: asked.get("to"), step_s: step / 1000, points, missing: null }));
    }
    if (api[path]) {
      const body = api[path]();
      return response.writeHead(200, { "content-type": typeof body === "string" ? "application/gpx+xml" : "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body));
    }
    try {
      const file = normalize(join(DIST, path === "/" ? "index.html" : path));
      if (!file.startsWith(DIST)) throw new Error("outside");
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(await readFile(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  const server = new WebSocketServer({ server: http, path: "/ws", maxPayload: 1 << 20 });

  const say = (socket, message) => socket.send(JSON.stringify(message));
  const change = (...changes) => {
    state.revision += 1;
    const delta = { type: "delta", revision: state.revision, time: time(), changes };
    deltas.push(delta);
    deltas.splice(0, deltas.length - DELTAS_KEPT);
    for (const socket of screens.keys()) say(socket, delta);
    return state.revision;
  };
  const snapshot = () => ({
    type: "snapshot", revision: state.revision, time: time(), view: state.view, incidents: [...state.incidents.values()], units: state.units,
    datastreams: state.datastreams, observations: state.observations, alerts: state.alerts, feeds: state.feeds, screens: [...screens.values()],
  });

  const rejected = (rule_zh, rule) => ({ outcome: "rejected", rule, rule_zh });
  const accept = (incident) => {
    const revision = change({ entity: "incident", incident });
    state.incidents.set(incident.id, incident);
    return { outcome: "accepted", version: incident.version, revision };
  };
  const run = (who, c) => {
    switch (c.do) {
      case "report": {
        const old = state.incidents.get(c.report.id);
        if (old) return { outcome: "accepted", version: old.version, revision: state.revision };
        return accept({ ...c.report, version: 1, state: "reported", source: "screen", reported_at: time(), updated_at: time(), due_at: null, acknowledged: null, unit: null, held: false, extensions: 0, bounces: 0 });
      }
      case "incident": {
        const old = state.incidents.get(c.incident);
        if (!old) return rejected("没有这个事件", "No such incident");
        if (old.version !== c.expected_version) return { outcome: "conflict", current: old };
        const stamp = { actor: who.actor, screen: who.screen, at: time() };
        const next = { ...old, version: old.version + 1, updated_at: time() };
        if (c.action.action === "acknowledge") {
          if (old.acknowledged) return rejected("已经确认过", "Already acknowledged");
          return accept({ ...next, acknowledged: stamp });
        }
        const to = NEXT[c.action.action];
        return to ? accept({ ...next, state: to, unit: c.action.unit ?? old.unit }) : rejected("不允许的操作", "Not allowed");
      }
      case "take_lead":
        if (who.role === "field") return rejected("现场人员不能主导", "Field staff can't lead");
        state.view = { ...state.view, leader: who.screen };
        return { outcome: "accepted", version: 0, revision: change({ entity: "view", view: state.view }) };
      case "view": {
        if (state.view.leader !== null && state.view.leader !== who.screen) return rejected("本机不是主导", "This screen does not lead");
        const { layers, tour, ...rest } = c.patch;
        state.view = { ...state.view, ...rest, layers: { ...state.view.layers, ...layers } };
        if (tour?.move === "play") state.view.tour = { state: "playing", position_s: state.view.tour.position_s ?? 0, at: time() };
        if (tour?.move === "leave") state.view.tour = { state: "off" };
        if (tour?.move === "pause" && state.view.tour.state === "playing") {
          const { position_s, at } = state.view.tour;
          state.view.tour = { state: "paused", position_s: position_s + (Date.now() - Date.parse(at)) / 1000 };
        }
        return { outcome: "accepted", version: 0, revision: change({ entity: "view", view: state.view }) };
      }
    }
  };

  server.on("connection", (socket) => {
    let who = null;
    socket.on("close", () => screens.delete(socket));
    socket.on("message", (data) => {
      const m = JSON.parse(String(data));
      received.push(m);
      if (m.type === "ping") say(socket, { type: "pong", sent_ms: m.sent_ms, time: time() });
      if (m.type === "hello") {
        who = { screen: m.screen, class: m.class, role: m.role, actor: m.actor, dropped: 0 };
        screens.set(socket, who);
        say(socket, { type: "welcome", version: 1, hub: "mock", time: time() });
        const have = deltas[0]?.revision ?? state.revision + 1;
        if (m.resume !== null && m.resume >= have - 1) for (const d of deltas) d.revision > m.resume && say(socket, d);
        else if (m.resume !== state.revision) {
          if (m.resume !== null) say(socket, { type: "gap", from: m.resume, to: state.revision });
          say(socket, snapshot());
        }
      }
      if (m.type === "command" && who) {
        if (!done.has(m.id)) done.set(m.id, run(who, m));
        say(socket, { type: "reply", id: m.id, outcome: done.get(m.id) });
      }
    });
  });

  await new Promise((ready) => http.listen(port, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${http.address().port}/`;
  /** Cuts every line and refuses new ones until `restore`. */
  const cut = () => {
    server.shouldHandle = () => false;
    for (const socket of screens.keys()) socket.terminate();
  };
  const restore = () => {
    delete server.shouldHandle;
  };
  const stop = () => {
    for (const socket of server.clients) socket.terminate();
    http.closeAllConnections();
    return new Promise((closed) => http.close(closed));
  };
  return { url, state, received, seriesAsked, change, cut, restore, stop, run };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--port");
  const hub = await startHub({ port: at > 0 ? Number(process.argv[at + 1]) : 0 });
  console.log(hub.url);
}
