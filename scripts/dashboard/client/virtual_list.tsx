/** A list of any length, of which only what is seen is in the page. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const EXTRA_ROWS = 8;

/** Rows are as high as the style sheet says: `--row`. */
function useRowHeight(): number {
  const query = matchMedia("(max-width: 700px)");
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const change = () => setNarrow(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return isNarrow ? 58 : 34;
}

/** Shows rows 0 to `length`. */
export function VirtualList(props: {
  readonly length: number;
  readonly label: string;
  readonly row: (index: number) => ComponentChildren;
  /** Told where the view is: whether at the top, and how many rows are left below. */
  readonly onView: (isTop: boolean, below: number) => void;
  readonly frame: { current: HTMLDivElement | null };
}): VNode {
  const { length, label, row, onView, frame } = props;
  const height = useRowHeight();
  const [top, setTop] = useState(0);
  const [size, setSize] = useState(600);
  const pending = useRef(0);
  const first = Math.max(0, Math.min(Math.floor(top / height), length - 1) - EXTRA_ROWS);
  const last = Math.min(length, Math.ceil((top + size) / height) + EXTRA_ROWS);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setSize(entry!.contentRect.height));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => onView(top < height, length - last), [top < height, length - last]);
  const scroll = () => {
    cancelAnimationFrame(pending.current);
    pending.current = requestAnimationFrame(() => setTop(frame.current?.scrollTop ?? 0));
  };
  return (
    <div class="virtual" ref={frame} onScroll={scroll} tabIndex={-1}>
      <div style={{ height: `${length * height}px` }} role="list" aria-label={label}>
        <div style={{ transform: `translateY(${first * height}px)` }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, index) => row(first + index))}
        </div>
      </div>
    </div>
  );
}
