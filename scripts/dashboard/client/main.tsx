/** The dashboard's page. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { OverviewMessage } from "../../../src/dashboard/wire.ts";

function App() {
  const [overview, setOverview] = useState<OverviewMessage>();
  useEffect(() => {
    const events = new EventSource("api/live?view=overview");
    events.addEventListener("overview", (event) => setOverview(JSON.parse(event.data)));
    return () => events.close();
  }, []);
  return <pre>{JSON.stringify({ ...overview, series: undefined }, null, 2)}</pre>;
}

render(<App />, document.querySelector("#app")!);
