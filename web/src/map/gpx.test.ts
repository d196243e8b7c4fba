import { expect, it } from "vitest";
import { gpxToGeoJson } from "./gpx";

it("reads tracks and routes, with prefixes, in either order of attributes", () => {
  const { features } = gpxToGeoJson(`<?xml version="1.0"?>
    <gpx xmlns:g="http://www.topografix.com/GPX/1/1"><g:trk><g:name>宿迁 &amp; 马拉松</g:name>
    <g:trkseg><g:trkpt lat="33.9" lon="118.2"><g:ele>12</g:ele></g:trkpt><g:trkpt lon='118.3' lat='33.95'/></g:trkseg></g:trk>
    <rte><rtept lat="34" lon="118"/><rtept lat="34.1" lon="118.1"/></rte></gpx>`);
  expect(features[0]?.properties).toEqual({ name: "宿迁 & 马拉松", skipped: 0 });
  expect(features[0]?.geometry.coordinates).toEqual([
    [[118.2, 33.9], [118.3, 33.95]],
    [[118, 34], [118.1, 34.1]],
  ]);
});

it("counts points it can't read, ignores comments, and draws nothing of a lone point", () => {
  const one = `<trkseg><trkpt lat="95" lon="1"/><trkpt lat="" lon="1"/><trkpt lat="1" lon="2"/><!-- <trkpt lat="3" lon="4"/> --></trkseg>`;
  expect(gpxToGeoJson(one).features).toEqual([]);
  const two = gpxToGeoJson(one.replace("</trkseg>", `<trkpt lat="2" lon="3"/></trkseg>`));
  expect(two.features[0]?.properties?.["skipped"]).toBe(2);
  expect(two.features[0]?.geometry.coordinates).toEqual([[[2, 1], [3, 2]]]);
});

it("keeps waypoints with their kind", () => {
  const { features } = gpxToGeoJson(`<gpx><wpt lat="33.9" lon="118.2"><ele>3</ele><name>起点</name><type>start</type></wpt><wpt lat="x" lon="1"></wpt></gpx>`);
  expect(features).toEqual([
    { type: "Feature", properties: { name: "起点", type: "start" }, geometry: { type: "Point", coordinates: [118.2, 33.9] } },
  ]);
});
