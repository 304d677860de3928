// Pages of words alone: the theme switch.

import { byId } from "./lib/dom.mjs";
import { mountThemeSwitch } from "./lib/theme.mjs";

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
