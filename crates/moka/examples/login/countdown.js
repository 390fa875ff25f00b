// Counts down to the end of a lockout, then shows the way back to the login.
// It goes by the time, not by its own ticks: a tab in the background ticks seldom.
const left = document.getElementById("left");
const back = document.getElementById("back");
const time = left.querySelector("time");
const end = Date.now() + 1000 * Number(time.dataset.seconds);

function clock(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const start = hours ? `${hours}:${two(minutes)}` : `${minutes}`;
  return `${start}:${two(seconds % 60)}`;
}

function tick() {
  const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
  time.textContent = clock(seconds);
  if (seconds === 0) {
    clearInterval(ticking);
    left.textContent = "You can try again now.";
    back.hidden = false;
  }
}

back.hidden = true;
const ticking = setInterval(tick, 250);
tick();
