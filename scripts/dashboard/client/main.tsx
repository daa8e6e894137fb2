/** The dashboard's page: what is around every page, and which one is shown. */

import { render } from "preact";
import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import type { PageConfig } from "../../../src/dashboard/wire.ts";
import { DeadLettersPage } from "./dead_letters.tsx";
import { FailuresPage } from "./failures.tsx";
import { FeedPage } from "./feed.tsx";
import { clock } from "./format.ts";
import { JobPage } from "./job.tsx";
import { reconnect, useConnection } from "./live.ts";
import { Overview } from "./overview.tsx";
import { Problem } from "./parts.tsx";
import { go, Link, type Place, usePlace } from "./router.tsx";
import { Search } from "./search.tsx";
import { readConfig } from "./server.ts";
import { StoragePage } from "./storage.tsx";

const PAGES = [
  { path: "", name: "Overview", key: "o" },
  { path: "feed", name: "Feed", key: "f" },
  { path: "failures", name: "Failures", key: "x" },
  { path: "dead-letters", name: "Dead letters", key: "d" },
  { path: "storage", name: "Storage", key: "s" },
];

const STATES = {
  connecting: "Connecting",
  open: "Live",
  lost: "Disconnected",
  resting: "Resting",
} as const;

/** Pages that are fed by a connection of their own. */
const LIVE_PAGES = new Set(["", "feed", "failures", "job"]);

function Page({ place, config }: { readonly place: Place; readonly config: PageConfig }) {
  const { path, params } = place;
  switch (path) {
    case "feed":
      return <FeedPage params={params} />;
    case "job":
      return <JobPage key={params.get("id")} params={params} config={config} />;
    case "failures":
      return <FailuresPage />;
    case "dead-letters":
      return <DeadLettersPage config={config} />;
    case "storage":
      return <StoragePage />;
    default:
      return <Overview />;
  }
}

/** A page that fails says so, and leaves what is around it. */
function Guarded(props: { readonly place: Place; readonly config: PageConfig }) {
  const [error, retry] = useErrorBoundary();
  if (error !== undefined) return <Problem error={error} onRetry={retry} />;
  return <Page {...props} />;
}

/** `g`, then the key of a page; `?` lists them. */
function useKeys(onHelp: () => void): void {
  useEffect(() => {
    let isGoing = false;
    const press = (event: KeyboardEvent) => {
      const { key, ctrlKey, metaKey, altKey, target } = event;
      if (ctrlKey || metaKey || altKey || (target as Element).matches("input, textarea")) return;
      const page = isGoing ? PAGES.find((page) => page.key === key) : undefined;
      isGoing = key === "g";
      if (page !== undefined) go(page.path === "" ? "./" : page.path);
      else if (key === "?") onHelp();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function Help({ dialog }: { readonly dialog: { current: HTMLDialogElement | null } }) {
  const keys: readonly (readonly [string, string])[] = [
    ["/", "search"],
    ...PAGES.map((page) => [`g ${page.key}`, page.name.toLowerCase()] as const),
    ["j k", "next and last event of the feed"],
    ["Enter", "open it"],
    ["?", "this list"],
  ];
  return (
    <dialog ref={dialog} aria-label="Keys">
      <h2>Keys</h2>
      <dl class="keys">
        {keys.map(([key, text]) => (
          <div key={key}>
            <dt>{key.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" onClick={() => dialog.current?.close()}>Close</button>
      </div>
    </dialog>
  );
}

function Banner() {
  const { state, heardAt } = useConnection();
  if (state !== "lost") return null;
  return (
    <div class="banner" role="alert">
      <span>
        The connection is lost.{" "}
        {heardAt > 0 && <>What you see is as of {clock(heardAt / 1000, false)}.</>} Trying again.
      </span>
      <button type="button" onClick={reconnect}>Try now</button>
    </div>
  );
}

function State() {
  const { state } = useConnection();
  return <span class={`live ${state}`} role="status">{STATES[state]}</span>;
}

function App({ config }: { readonly config: PageConfig }) {
  const place = usePlace();
  const help = useRef<HTMLDialogElement>(null);
  useKeys(() => help.current?.showModal());
  const { name } = PAGES.find((page) => page.path === place.path) ?? { name: "Job" };
  const isLive = LIVE_PAGES.has(place.path);
  const { state } = useConnection();
  useEffect(() => {
    const what = place.path === "job" ? place.params.get("id") : name;
    document.title = `${what} · ${config.title}`;
  }, [place]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("#main")?.focus();
        }}
      >
        Skip to the page
      </a>
      <header class="bar">
        <Link to="./" class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M4 17h6l3-9 6 17 3-8h6" />
          </svg>
          {config.title}
        </Link>
        <Search />
        {isLive && <State />}
      </header>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <Link
            key={page.path}
            to={page.path === "" ? "./" : page.path}
            current={page.path === place.path}
          >
            {page.name}
          </Link>
        ))}
        <button type="button" class="plain keys-button" onClick={() => help.current?.showModal()}>
          Keys <kbd>?</kbd>
        </button>
      </nav>
      <main id="main" tabIndex={-1} class={isLive && state === "lost" ? "stale" : ""}>
        {isLive && <Banner />}
        <Guarded key={place.path} place={place} config={config} />
      </main>
      <Help dialog={help} />
    </>
  );
}

render(<App config={readConfig()} />, document.querySelector("#app")!);
