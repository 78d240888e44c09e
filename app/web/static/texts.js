// What the page says: one sentence that somebody tired understands, Swedish first.

const SV = {
  came: "Kom",
  left: "Gick",
  connect: "Anslut telefonen",
  asking: (time) => `Taggen är läst ${time}. Kom du eller gick du?`,
  asking_more: "Väljer du inte skickas den ändå om en liten stund, och tjänsten ser vilket det var.",
  sending: "Skickar …",
  logged_in: (time) => `Du är inloggad sedan ${time}.`,
  logged_out: (time) => `Du är utloggad ${time}.`,
  registered: (time) => `Registrerat ${time}.`,
  wrong_door: "Fel dörr. Du är fortfarande inloggad.",
  doors: (tapped, elsewhere) =>
    `Du läste taggen hos ${tapped}, men är sedan tidigare inloggad hos ${elsewhere}. Läs taggen där när du går, eller ring din planerare.`,
  disputed: (time) => `Registrerat ${time}, men din planerare behöver titta på det.`,
  refused: "Taggen godkändes inte. Läs den en gång till, eller ring din planerare.",
  counter_replayed_same_device: "Den läsningen är redan skickad. Läs taggen igen om det är en ny.",
  tag_unknown: "Taggen är inte känd. Ring din planerare.",
  offline: "Ingen kontakt. Taggningen är sparad och skickas av sig själv.",
  busy: "Tjänsten är upptagen. Taggningen är sparad och skickas av sig själv.",
  untrusted: "Telefonen känns inte igen. Taggningen är sparad; be din planerare om en ny kod.",
  not_employed: "Du är inte anställd enligt tjänsten. Taggningen är sparad; prata med din planerare.",
  not_enrolled: "Telefonen är inte ansluten. Taggningen är sparad; be din planerare om en kod.",
  idle: "Läs en tagg med telefonen.",
  unknown_phone: "Telefonen är inte ansluten. Be din planerare om en kod.",
  enrolling: "Anslut den här telefonen till Taggad?",
  enrolling_more: "Gör det bara på din egen arbetstelefon.",
  enrolled: (staff) => `Telefonen är ansluten för ${staff}.`,
  shared: () => "Telefonen är ansluten och delas av flera.",
  nobody: "Vem använder telefonen?",
  choose_first: "Välj först vem du är. Läs sedan taggen igen.",
  staff: "Din beteckning",
  pin: "PIN-kod",
  pin_code: "Kod från planeraren, bara när du väljer ny PIN-kod",
  choose: "Börja arbetspass",
  leave: (staff) => `Lämna telefonen (${staff})`,
  pin_wrong: "Beteckningen eller PIN-koden stämmer inte.",
  pin_locked: "PIN-koden är spärrad. Be din planerare om en kod.",
  pin_code_invalid: "Koden gäller inte längre. Be din planerare om en ny.",
  invalid_envelope: "Välj en PIN-kod med 6 till 12 siffror som är svår att gissa.",
  code_invalid: "Koden gäller inte längre. Be din planerare om en ny.",
  enrol_offline: "Ingen kontakt. Försök igen när du har täckning.",
  unsaved: "Telefonen kan inte spara taggningen här. Öppna sidan i den vanliga webbläsaren.",
  waiting: (count) => (count === 1 ? "En taggning väntar på att skickas." : `${count} taggningar väntar på att skickas.`),
};

const EN = {
  came: "Came",
  left: "Left",
  connect: "Connect this phone",
  asking: (time) => `The tag was read at ${time}. Did you come or leave?`,
  asking_more: "If you do not choose, it is sent in a moment anyway, and the service sees which it was.",
  sending: "Sending …",
  logged_in: (time) => `You are logged in since ${time}.`,
  logged_out: (time) => `You are logged out at ${time}.`,
  registered: (time) => `Registered at ${time}.`,
  wrong_door: "The wrong door. You are still logged in.",
  doors: (tapped, elsewhere) =>
    `You read the tag at ${tapped}, but are logged in at ${elsewhere} since before. Read the tag there when you leave, or call your planner.`,
  disputed: (time) => `Registered at ${time}, but your planner needs to look at it.`,
  refused: "The tag was not accepted. Read it once more, or call your planner.",
  counter_replayed_same_device: "That reading has been sent already. Read the tag again if this is a new one.",
  tag_unknown: "The tag is not known. Call your planner.",
  offline: "No connection. The tap is kept and will send itself.",
  busy: "The service is busy. The tap is kept and will send itself.",
  untrusted: "This phone is not recognised. The tap is kept; ask your planner for a new code.",
  not_employed: "You are not employed, as the service knows it. The tap is kept; talk to your planner.",
  not_enrolled: "This phone is not connected. The tap is kept; ask your planner for a code.",
  idle: "Read a tag with the phone.",
  unknown_phone: "This phone is not connected. Ask your planner for a code.",
  enrolling: "Connect this phone to Taggad?",
  enrolling_more: "Do so on your own work phone only.",
  enrolled: (staff) => `This phone is connected for ${staff}.`,
  shared: () => "This phone is connected and shared by several.",
  nobody: "Who uses this phone?",
  choose_first: "Say who you are first. Then read the tag again.",
  staff: "Your staff ref",
  pin: "PIN",
  pin_code: "Code from the planner, only to set a new PIN",
  choose: "Begin work shift",
  leave: (staff) => `Leave this phone (${staff})`,
  pin_wrong: "The staff ref or the PIN is not right.",
  pin_locked: "The PIN is locked. Ask your planner for a code.",
  pin_code_invalid: "The code is no longer valid. Ask your planner for a new one.",
  invalid_envelope: "Choose a PIN of 6 to 12 digits that is hard to guess.",
  code_invalid: "The code is no longer valid. Ask your planner for a new one.",
  enrol_offline: "No connection. Try again when you have coverage.",
  unsaved: "The phone cannot keep the tap here. Open the page in the usual browser.",
  waiting: (count) => (count === 1 ? "One tap is waiting to be sent." : `${count} taps are waiting to be sent.`),
};

const wanted = navigator.languages.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one === "sv" || one === "en");
export const language = wanted === "en" ? "en" : "sv";
export const text = language === "en" ? EN : SV;

export const clock = (instant) =>
  new Date(instant).toLocaleTimeString(language === "en" ? "en-GB" : "sv-SE", { hour: "2-digit", minute: "2-digit" });

/** At which doors the carer is, where that is another than the one that was tapped; null where it is not. */
export function elsewhere({ doors }) {
  if (!doors) return null;
  return text.doors(doors.tapped, doors.logged_in.filter((door) => door !== doors.tapped).join(", "));
}

/** What became of a tap. */
export function said(result) {
  if (result.verdict === "refused") return text[result.code] ?? text.refused;
  const time = clock(result.at);
  if (result.verdict === "disputed") return text.disputed(time);
  if (!result.visits.length) return text.registered(time);
  const isOpen = result.visits.some((visit) => visit.status === "open");
  // The visit is open, but not behind this door.
  if (isOpen && result.doors && !result.doors.logged_in.includes(result.doors.tapped)) return text.wrong_door;
  return isOpen ? text.logged_in(time) : text.logged_out(time);
}
