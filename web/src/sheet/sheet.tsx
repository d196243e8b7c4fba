/** The bottom sheet: one thing at a time, at three heights, moved by its handle with a thumb. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Height, height, sheet, sheetPx } from "../view/chosen";

/** Parts of the window's height; peek is measured from what must be seen. */
const HALF = 0.52;
const FULL_GAP_PX = 60;
/** A flick faster than this goes on to the next height, pixels a millisecond. */
const FLICK = 0.5;
/** Moved less than this it was a tap. */
const TAP_PX = 6;

const dragPx = signal<number | null>(null);
/** Height of the window. */
export const windowPx = signal(innerHeight);
addEventListener("resize", () => {
  windowPx.value = innerHeight;
});

interface Props {
  /** Height of what shows at peek: handle and head. */
  peekPx: number;
  label: string;
  children: ComponentChildren;
}

export function Sheet({ peekPx, label, children }: Props) {
  const heights: Record<Height, number> = {
    peek: peekPx,
    half: Math.round(windowPx.value * HALF),
    full: windowPx.value - FULL_GAP_PX,
  };
  const visible = dragPx.value ?? heights[height.value];
  const grip = useGrip(heights);
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (dragPx.value === null) sheetPx.value = heights[height.value];
  }, [height.value, peekPx, windowPx.value, dragPx.value === null]);
  // Each content starts at its top; the list comes back to where it was left.
  const left = useRef(0);
  useLayoutEffect(() => body.current?.scrollTo(0, sheet.value === "list" ? left.current : 0), [sheet.value]);
  useLayoutEffect(() => {
    if (height.value === "peek") body.current?.scrollTo(0, 0);
  }, [height.value]);
  const remember = (): void => {
    if (sheet.value === "list" && height.value !== "peek") left.current = body.current?.scrollTop ?? 0;
  };
  return (
    <section
      class={`sheet ${height.value} ${dragPx.value === null ? "" : "dragged"}`}
      aria-label={label}
      data-height={height.value}
      style={{ height: `${heights.full}px`, transform: `translateY(${heights.full - visible}px)` }}
    >
      <button type="button" class="handle" data-testid="handle" aria-label="展开或收起 Expand or collapse" {...grip}>
        <i />
      </button>
      <div class="body" ref={body} onScroll={remember} style={{ height: `${Math.max(visible, peekPx) - 24}px` }}>
        {children}
      </div>
    </section>
  );
}

const NEXT: Record<Height, Height> = { peek: "half", half: "full", full: "peek" };

function useGrip(heights: Record<Height, number>) {
  const start = useRef<{ y: number; px: number; at: number } | null>(null);
  const settle = (event: PointerEvent): void => {
    const from = start.current;
    start.current = null;
    const px = dragPx.value;
    dragPx.value = null;
    if (!from || px === null) return;
    if (Math.abs(px - from.px) < TAP_PX) {
      height.value = NEXT[height.value];
      return;
    }
    const speed = (from.y - event.clientY) / Math.max(1, event.timeStamp - from.at);
    const order: Height[] = ["peek", "half", "full"];
    const nearest = order.reduce((a, b) => (Math.abs(heights[a] - px) <= Math.abs(heights[b] - px) ? a : b));
    const onward = order[Math.min(2, Math.max(0, order.indexOf(height.value) + Math.sign(speed)))] ?? nearest;
    height.value = Math.abs(speed) > FLICK ? onward : nearest;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      start.current = { y: event.clientY, px: heights[height.value], at: event.timeStamp };
      dragPx.value = heights[height.value];
    },
    onPointerMove: (event: PointerEvent) => {
      const from = start.current;
      if (from) dragPx.value = Math.min(heights.full, Math.max(heights.peek * 0.8, from.px + from.y - event.clientY));
    },
    onPointerUp: settle,
    onPointerCancel: settle,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === "Enter" || event.key === " ") height.value = NEXT[height.value];
    },
  };
}
