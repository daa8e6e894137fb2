/** Addresses: a path below the page's base, and a query. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Where the page is. */
export interface Place {
  /** Without a slash at its begin: "", "feed", "job", … */
  readonly path: string;
  readonly params: URLSearchParams;
}

const MOVED = "naq-moved";

function here(): Place {
  const base = new URL(document.baseURI).pathname;
  const { pathname, search } = location;
  const path = pathname.startsWith(base) ? pathname.slice(base.length) : "";
  return { path, params: new URLSearchParams(search) };
}

/** An address, relative to the page's base. Empty parameters are left out. */
export function address(
  path: string,
  params: Readonly<Record<string, string | undefined>> = {},
): string {
  const entries = Object.entries(params)
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  const query = new URLSearchParams(entries).toString();
  return (path === "" ? "./" : path) + (query === "" ? "" : `?${query}`);
}

/** Goes to an address. */
export function go(to: string, options: { readonly replace?: boolean } = {}): void {
  const url = new URL(to, document.baseURI);
  if (options.replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  dispatchEvent(new Event(MOVED));
  if (!options.replace) scrollTo(0, 0);
}

/** Where the page is, also after it went elsewhere. */
export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const move = () => setPlace(here());
    addEventListener("popstate", move);
    addEventListener(MOVED, move);
    return () => {
      removeEventListener("popstate", move);
      removeEventListener(MOVED, move);
    };
  }, []);
  return place;
}

/** Follows a link without loading the page again, unless it is to open elsewhere. */
export function follow(event: MouseEvent): void {
  const { ctrlKey, metaKey, shiftKey, altKey, button, currentTarget } = event;
  if (ctrlKey || metaKey || shiftKey || altKey || button !== 0) return;
  event.preventDefault();
  go((currentTarget as HTMLAnchorElement).href);
}

/** A link to another page. */
export function Link(props: {
  readonly to: string;
  readonly class?: string;
  readonly title?: string;
  readonly children?: ComponentChildren;
  readonly current?: boolean;
}): VNode {
  const { to, children, current, ...rest } = props;
  return (
    <a {...rest} href={to} onClick={follow} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}

/** A link to a job. */
export function JobLink({ id }: { readonly id: string }): VNode {
  return <Link to={address("job", { id })} class="id" title={id}>{id}</Link>;
}
