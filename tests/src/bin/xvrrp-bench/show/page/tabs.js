"use strict";
// One button per advertisement interval and load. Without this script all of them stand below one another.
const tabs = (() => {
  document.documentElement.classList.add("scripted");
  const sections = [...document.querySelectorAll(".timing")];
  const nav = document.getElementById("tabs");

  const buttons = sections.map((section) => {
    const button = document.createElement("button");
    button.textContent = section.querySelector("h3").textContent;
    button.onclick = () => show(section);
    nav.append(button);
    return button;
  });

  function show(shown) {
    sections.forEach((section, index) => {
      section.classList.toggle("hidden", section !== shown);
      buttons[index].setAttribute("aria-pressed", section === shown);
    });
  }

  if (sections.length) show(sections[0]);
  return {
    // Shows the section of a failover.
    of(interval, load) {
      const wanted = sections.find((s) => +s.dataset.interval === interval && s.dataset.load === load);
      if (wanted) show(wanted);
    },
  };
})();
