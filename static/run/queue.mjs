// Where a run that has no device stands, in words.

import { duration } from "../ui/format.mjs";

/** "3rd in line, about 2 min"; "" for a run that does not wait. @param {any} info */
export function placeInLine(info) {
  const { status, queue_position: before, queue_seconds: seconds } = info;
  if (status !== "queued" || before === null || before === undefined) return "";
  const wait = seconds === null || seconds === undefined ? "" : `, ${waitOf(seconds)}`;
  return `${before ? ordinal(before + 1) : "next"} in line${wait}`;
}

/** Why nothing moves, of a run that waits or has given its device back; "" for others. @param {any} info */
export function absenceOf(info) {
  if (info.status === "queued" && !info.away) return "Waiting in the queue. The curves begin when it starts.";
  if (info.status === "queued")
    return "Its device went to others for a while. It goes on where it was, as soon as it is its turn.";
  if (info.status === "paused" && info.away)
    return "Paused. Its device went to others; it goes on where it was when you resume it, as soon as one is free.";
  return "";
}

/** @param {number} seconds */
function waitOf(seconds) {
  return seconds < 5 ? "in a moment" : `about ${duration(seconds)}`;
}

/** @param {number} place  from 1 */
function ordinal(place) {
  const teen = place % 100 > 10 && place % 100 < 14;
  const ending = (!teen && ["th", "st", "nd", "rd"][place % 10]) || "th";
  return `${place}${ending}`;
}
