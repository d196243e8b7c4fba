/** Draws the field on the map: the same colour, contours and hatching as `shaders/city.wgsl` puts on the ground, in a MapLibre layer of its own. */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as LibreMap } from "maplibre-gl";
import type { Frame } from "./frame";
import { PER_TEXEL } from "./texels";
import { rampBytes } from "./scale";
import type { Shown } from "./shown";

export const HEAT_LAYER = "heat";

/** Vertices a side: the frame's plane and the map's projection differ by tens of metres over a city, and by nothing within a sixteenth of it. */
const MESH = 16;
/** Stripes of the hatching are about this wide, CSS pixels; they stay where they are on the ground, and double as the map zooms out. */
const STRIPE_PX = 11;
const RAMP_TEXELS = 256;
/** On the ground, LOOK section 3. */
const OPACITY = 0.7;

const VERTEX = `#version 300 es
in vec2 place;
in vec2 uv;
in vec2 metres;
uniform mat4 matrix;
out vec2 at;
out vec2 ground;
void main() {
  at = uv;
  ground = metres;
  gl_Position = matrix * vec4(place, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 at;
in vec2 ground;
uniform sampler2D field;
uniform sampler2D ramp;
uniform float classes;
uniform float stripe_m;
uniform float opacity;
out vec4 colour;
const vec3 HATCH = vec3(0.50, 0.55, 0.61);

float hatch() {
  float across = fract((ground.x + ground.y) / stripe_m);
  float edge = clamp(1.5 * fwidth((ground.x + ground.y) / stripe_m), 0.02, 0.5);
  return smoothstep(0.40 - edge, 0.40 + edge, across) * (1.0 - smoothstep(0.60 - edge, 0.60 + edge, across));
}

void main() {
  vec3 here = texture(field, at).rgb;
  float steps = here.r * classes;
  float slope = fwidth(steps);
  float stripes = hatch();
  if (here.g <= 0.004) {
    colour = vec4(0.0);
    return;
  }
  if (here.g < 0.5) {
    // No sensor informs this place: hatched, not coloured.
    float a = stripes * mix(0.22, 0.40, here.b) * smoothstep(0.0, 0.25, here.g);
    colour = vec4(HATCH * a, a);
    return;
  }
  float to_step = abs(fract(steps + 0.5) - 0.5);
  float contour = (1.0 - smoothstep(0.5, 1.5, to_step / max(slope, 1e-5))) * (slope < 2e-5 ? 0.0 : 0.35);
  // Low values let the city through: what is ordinary should not shout.
  float strength = opacity * mix(0.16, 1.0, smoothstep(0.15, 0.65, here.r)) * smoothstep(0.5, 0.75, here.g);
  float left_out = stripes * 0.40 * here.b;
  vec3 heat = texture(ramp, vec2(here.r, 0.5)).rgb + contour * 0.25;
  colour = vec4(mix(heat * strength, HATCH, left_out), mix(strength, 1.0, left_out));
}`;

/** Between 0 and 1 across the world, as MapLibre counts: x east, y south. */
function mercator([lon, lat]: readonly [number, number]): [number, number] {
  const y = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  return [lon / 360 + 0.5, 0.5 - y / (2 * Math.PI)];
}

interface Device {
  program: WebGLProgram;
  vertices: WebGLBuffer;
  indices: WebGLBuffer;
  field: WebGLTexture;
  ramp: WebGLTexture;
}

export class HeatLayer implements CustomLayerInterface {
  readonly id = HEAT_LAYER;
  readonly type = "custom" as const;
  readonly renderingMode = "2d" as const;
  private device: Device | null = null;
  private map: LibreMap | null = null;
  private now: Shown | null = null;
  /** The field that lies on the device. */
  private lying: Shown | null = null;
  /** The mesh's places are told from here, so that single precision does not shake when zoomed in. */
  private origin: readonly [number, number] = [0, 0];

  constructor(private readonly frame: () => Frame | null) {}

  /** What is to be drawn from the next frame on. */
  show(shown: Shown | null): void {
    this.now = shown;
    this.map?.triggerRepaint();
  }

  onAdd(map: LibreMap, gl: WebGL2RenderingContext): void {
    [this.map, this.lying] = [map, null];
    this.device = {
      program: program(gl),
      vertices: gl.createBuffer(),
      indices: gl.createBuffer(),
      field: texture(gl),
      ramp: texture(gl),
    };
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.device.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, meshIndices(), gl.STATIC_DRAW);
  }

  onRemove(_: LibreMap, gl: WebGL2RenderingContext): void {
    const { device } = this;
    if (!device) return;
    gl.deleteProgram(device.program);
    for (const buffer of [device.vertices, device.indices]) gl.deleteBuffer(buffer);
    for (const t of [device.field, device.ramp]) gl.deleteTexture(t);
    [this.device, this.map, this.lying] = [null, null, null];
  }

  render(gl: WebGL2RenderingContext, { defaultProjectionData }: CustomRenderMethodInput): void {
    const { device, now, map } = this;
    const frame = this.frame();
    if (!device || !now || !map || !frame) return;
    if (this.lying !== now) this.lay(gl, device, now, frame);
    gl.useProgram(device.program);
    const uniform = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(device.program, name);
    gl.uniformMatrix4fv(uniform("matrix"), false, from(defaultProjectionData.mainMatrix, this.origin));
    gl.uniform1f(uniform("classes"), now.heat.bounds.length - 1);
    gl.uniform1f(uniform("opacity"), OPACITY);
    gl.uniform1f(uniform("stripe_m"), stripeM(map));
    [device.field, device.ramp].forEach((t, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, t);
      gl.uniform1i(uniform(unit === 0 ? "field" : "ramp"), unit);
    });
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, device.vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, device.indices);
    ["place", "uv", "metres"].forEach((name, i) => {
      const at = gl.getAttribLocation(device.program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 24, 8 * i);
    });
    gl.drawElements(gl.TRIANGLES, 6 * MESH * MESH, gl.UNSIGNED_SHORT, 0);
  }

  /** Brings a field onto the device. */
  private lay(gl: WebGL2RenderingContext, device: Device, now: Shown, frame: Frame): void {
    const { grid, texels } = now.layer;
    const middle = mercator(frame.toDegrees([grid.origin[0] + grid.size[0] / 2, grid.origin[1] + grid.size[1] / 2]));
    const vertices = new Float32Array(6 * (MESH + 1) ** 2);
    for (let row = 0, v = 0; row <= MESH; row += 1) {
      for (let column = 0; column <= MESH; column += 1, v += 6) {
        const [u, w] = [column / MESH, row / MESH];
        const place = [grid.origin[0] + u * grid.size[0], grid.origin[1] + w * grid.size[1]] as const;
        const [x, y] = mercator(frame.toDegrees(place));
        vertices.set([x - middle[0], y - middle[1], u, w, ...place], v);
      }
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, device.vertices);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.STATIC_DRAW);
    const rgba = new Float32Array((4 * texels.length) / PER_TEXEL);
    for (let i = 0, o = 0; i < texels.length; i += PER_TEXEL, o += 4) {
      for (let c = 0; c < PER_TEXEL; c += 1) rgba[o + c] = texels[i + c] as number;
    }
    fill(gl, device.field, gl.RGBA16F, grid.cells, grid.cells, gl.FLOAT, rgba);
    const colours = new Uint8Array(4 * RAMP_TEXELS).fill(255);
    for (let i = 0; i < RAMP_TEXELS; i += 1) colours.set(rampBytes(now.heat.colours, i / (RAMP_TEXELS - 1)), 4 * i);
    fill(gl, device.ramp, gl.RGBA8, RAMP_TEXELS, 1, gl.UNSIGNED_BYTE, colours);
    [this.lying, this.origin] = [now, middle];
  }
}

/** Metres a stripe: a power of two of the desk's 84 m, so that it is neither a grey veil nor a plank at any zoom. */
function stripeM(map: LibreMap): number {
  const perPixel = (40_075_016.7 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
  return 84 * 2 ** Math.round(Math.log2((STRIPE_PX * perPixel) / 84));
}

/** The map's matrix for places told from `origin`, computed in double precision. */
function from(matrix: ArrayLike<number>, [x, y]: readonly [number, number]): Float32Array {
  const moved = Float32Array.from(matrix);
  for (let i = 0; i < 4; i += 1) moved[12 + i] = (matrix[i] ?? 0) * x + (matrix[4 + i] ?? 0) * y + (matrix[12 + i] ?? 0);
  return moved;
}

function meshIndices(): Uint16Array {
  const indices: number[] = [];
  for (let row = 0; row < MESH; row += 1) {
    for (let column = 0; column < MESH; column += 1) {
      const a = row * (MESH + 1) + column;
      indices.push(a, a + 1, a + MESH + 1, a + 1, a + MESH + 2, a + MESH + 1);
    }
  }
  return Uint16Array.from(indices);
}

function texture(gl: WebGL2RenderingContext): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  for (const [name, value] of [
    [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
    [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
    [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
  ] as const) {
    gl.texParameteri(gl.TEXTURE_2D, name, value);
  }
  return made;
}

/** MapLibre leaves its own ways of unpacking behind. */
function fill(gl: WebGL2RenderingContext, t: WebGLTexture, format: number, width: number, height: number, type: number, data: ArrayBufferView): void {
  gl.bindTexture(gl.TEXTURE_2D, t);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
  gl.texImage2D(gl.TEXTURE_2D, 0, format, width, height, 0, gl.RGBA, type, data);
}

function program(gl: WebGL2RenderingContext): WebGLProgram {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (!shader) continue;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) console.error("heat:", gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) console.error("heat:", gl.getProgramInfoLog(made));
  return made;
}
