/** Where the data comes from and whether it still does: a line a feed. The desk's panel has the whole account. */

import { now } from "../clock";
import { one, T } from "../i18n";
import type { FeedStatus } from "../protocol";
import { city } from "../session";
import { lagWords, lamp, sinceWords, trouble, words } from "./words";

function Lag({ feed }: { feed: FeedStatus }) {
  const w = lagWords(feed);
  return w && <p class="feed-lag">{one(w)}</p>;
}

function Since({ feed }: { feed: FeedStatus }) {
  const w = sinceWords(feed);
  return w && <p class="feed-lag">{one(w)}</p>;
}

export function Feeds() {
  const feeds = [...city.value.feeds.values()];
  if (feeds.length === 0) return null;
  return (
    <div data-testid="feeds">
      <T w={["数据源", "Feeds"]} inline />
      {feeds.map((f) => (
        <div key={f.feed}>
          <div class="feed">
            <i class={`lamp ${lamp(f)}`} />
            <b>{f.feed}</b>
            <span>
              <T w={words(f, now.value)} />
            </span>
          </div>
          <Since feed={f} />
          <Lag feed={f} />
          {trouble(f) && <p class="feed-why">{trouble(f)}</p>}
        </div>
      ))}
    </div>
  );
}
