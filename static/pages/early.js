// Before anything is painted: the theme and the size that were chosen (ui/theme.mjs keeps them).

{
  const chosen = localStorage.getItem("optimscope-theme") ?? "auto";
  if (chosen !== "auto") document.documentElement.dataset.theme = chosen;
  if (localStorage.getItem("optimscope-projector")) document.documentElement.toggleAttribute("data-projector", true);
}
