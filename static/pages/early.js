// Before anything is painted: the theme that was chosen (lib/theme.mjs keeps it).

{
  const chosen = localStorage.getItem("optimscope-theme") ?? "auto";
  if (chosen !== "auto") document.documentElement.dataset.theme = chosen;
}
