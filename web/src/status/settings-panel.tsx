/** Name, role, language. */

import { useState } from "preact/hooks";
import { ROLE, T } from "../i18n";
import type { Role } from "../protocol";
import { city, introduce } from "../session";
import { change, type Lang, settings } from "../settings";
import { Icon } from "../sheet/shape";
import { show } from "../view/chosen";
import { Feeds } from "./feeds";

const LANGS: readonly (readonly [Lang, string])[] = [
  ["both", "中文 + EN"],
  ["zh", "中文"],
  ["en", "English"],
];
/** Presenting is for the control room; a phone offers what its holders are. */
const ROLES: readonly Role[] = ["field", "officer"];

export function SettingsPanel() {
  const s = settings.value;
  const [name, setName] = useState(s.name);
  const [role, setRole] = useState<Role>(s.role);
  const done = (): void => {
    const changed = name.trim() !== s.name || role !== s.role;
    change({ name: name.trim(), role });
    if (changed) introduce();
    show("list", "peek");
  };
  const others = city.value.screensTotal;
  return (
    <section class="panel">
      <header>
        <h2>
          <T w={["设置", "Settings"]} inline />
        </h2>
        <button type="button" class="icon" aria-label="关闭 Close" onClick={done}>
          <Icon name="close" />
        </button>
      </header>
      <label>
        <T w={["姓名", "Name"]} inline />
        <input type="text" maxLength={40} value={name} onInput={(e) => setName(e.currentTarget.value)} autocomplete="name" />
      </label>
      <div class="choices two">
        {ROLES.map((r) => (
          <button key={r} type="button" aria-pressed={role === r} onClick={() => setRole(r)}>
            <T w={ROLE[r]} />
          </button>
        ))}
      </div>
      <div class="choices three">
        {LANGS.map(([lang, words]) => (
          <button key={lang} type="button" aria-pressed={s.lang === lang} onClick={() => change({ lang })}>
            {words}
          </button>
        ))}
      </div>
      <Feeds />
      <button type="button" class="primary" onClick={done}>
        <T w={["完成", "Done"]} />
      </button>
      <p class="note">
        <T w={[`本机编号 ${s.screen} · 在线终端 ${others}`, `This phone's id · screens connected`]} />
      </p>
    </section>
  );
}
