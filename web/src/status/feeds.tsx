/** Where the data comes from and whether it still does: a line a feed. The desk's panel has the whole account. */

import { now } from "../clock";
import { T } from "../i18n";
import { city } from "../session";
import { words } from "./words";

export function Feeds() {
  const feeds = [...city.value.feeds.values()];
  if (feeds.length === 0) return null;
  return (
    <div data-testid="feeds">
      <T w={["数据源", "Feeds"]} inline />
      {feeds.map((f) => (
        <div key={f.feed}>
          <div class="feed">
            <i class={`lamp ${f.connected ? "live" : "offline"}`} />
            <b>{f.feed}</b>
            <span>
              <T w={words(f, now.value)} />
            </span>
          </div>
          {!f.connected && f.last_error && <p class="feed-why">{f.last_error}</p>}
        </div>
      ))}
    </div>
  );
}
