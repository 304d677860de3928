// Pages of words alone: the theme switch.

import { byId } from "../ui/dom.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
