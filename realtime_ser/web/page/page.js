// Around textual-serve's terminal, whose script has set window.onload.
const openTerminal = window.onload;

window.onload = async (event) => {
  const here = new URL(location.href);
  here.searchParams.delete("token"); // from now on the cookie says it
  history.replaceState(null, "", here);

  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/ws`;
  document.getElementById("again").onclick = () => location.reload();

  // The terminal measures its letters once, so the font has to be there.
  await Promise.allSettled([
    document.fonts.load("16px 'Roboto Mono'"),
    document.fonts.load("bold 16px 'Roboto Mono'"),
  ]);
  openTerminal(event);

  // Keys go to the screen without a click, as soon as there is one to take them.
  const drawn = new MutationObserver(() => {
    if (document.body.classList.contains("-first-byte")) {
      drawn.disconnect();
      terminal.querySelector("textarea").focus();
    }
  });
  drawn.observe(document.body, { attributeFilter: ["class"] });
};

// A page that is loaded anew still looks while it asks for itself; this says that it will let go.
window.addEventListener("beforeunload", () => {
  document.cookie = "leaving=1; Max-Age=5; Path=/; SameSite=Strict";
});
