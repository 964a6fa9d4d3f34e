package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-iam/latchkey/test/latchkeytest"
)

// pictures is where to save what the browser shows; make pictures gives the folder by its
// whole path.
var pictures = flag.String("pictures", "", "save what the browser shows to this folder")

// patience bounds the wait for what a page is to show, on a machine that is busy.
const patience = latchkeytest.Patience

// browser is a headless Chromium of the test's own, with one tab.
type browser struct {
	t   *testing.T
	tab context.Context
	// ui is where the Temporal UI answers.
	ui string
}

// find returns the browser's command. A test that cannot look fails: what is not seen is
// not known to be there.
func find(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	require.Fail(t, "Chromium is missing: run make test as root, or install it (Debian: apt-get install chromium)")
	return ""
}

// open starts a browser that ends with the test.
func open(t *testing.T, ui string) *browser {
	t.Helper()
	allocated, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1400, 960),
		chromedp.NoSandbox, // It shows our own pages alone, and root needs it.
		chromedp.WSURLReadTimeout(patience), chromedp.DisableGPU, chromedp.Flag("force-device-scale-factor", "1.5"))...)
	tab, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		_ = chromedp.Cancel(tab) // Ends the process, and waits for it: its folder is removed next.
		closeTab()
		stop()
	})
	require.NoError(t, chromedp.Do(tab), "start the browser")
	return &browser{t: t, tab: tab, ui: "http://" + ui}
}

// run does one thing in the tab.
func run[T any](b *browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.tab, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err, what)
	return value
}

// shownText is what a person can read on the page, with the frames in which the Temporal UI
// puts Markdown.
const shownText = `(() => {
  const read = d => [d.body?.innerText ?? '', ...[...d.querySelectorAll('iframe')].map(f => { try { return read(f.contentDocument) } catch { return '' } })].join('\n');
  return read(document);
})()`

// shown is what the page shows now, however its lines are broken.
func (b *browser) shown() string {
	b.t.Helper()
	return strings.Join(strings.Fields(run(b, "read the page", chromedp.Evaluate[string](shownText))), " ")
}

// until goes on when something is done; otherwise it tells what is the matter.
func (b *browser) until(done func() bool, matter func() string) {
	b.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !done(); <-again.C {
		if !time.Now().Before(end) {
			require.Fail(b.t, matter())
		}
	}
}

// sees goes on when the page shows every one of the texts.
func (b *browser) sees(texts ...string) {
	b.t.Helper()
	var shown string
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return strings.Contains(shown, text) })
	}
	b.until(func() bool {
		shown = b.shown()
		return len(missing()) == 0
	}, func() string { return fmt.Sprintf("the page lacks %q: %s", missing(), shown) })
}

// lacks fails if the page, which has been seen to be there, shows the text.
func (b *browser) lacks(text string) {
	b.t.Helper()
	require.NotContains(b.t, b.shown(), text)
}

// visible is the first element that a person can see and use, of those that a selector finds
// and a condition on e holds for. The Temporal UI keeps hidden twins of some.
func visible(selector, condition string) string {
	return fmt.Sprintf("[...document.querySelectorAll(%q)].find(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && %s)", selector, condition)
}

// press clicks an element, or does something else to it, as soon as it is there. A mouse would
// miss what still slides into its place.
func (b *browser) press(what, element, do string) {
	b.t.Helper()
	b.until(func() bool {
		return run(b, do+" "+what, chromedp.Evaluate[bool](fmt.Sprintf("(e => { e?.%s(); return !!e })(%s)", do, element)))
	}, func() string { return what + " is not there" })
}

// click clicks what the Temporal UI's own tests know by this name.
func (b *browser) click(name string) {
	b.t.Helper()
	b.press(name, visible(fmt.Sprintf("[data-testid=%q]", name), "true"), "click")
}

// choose clicks the button, or the entry of a menu, whose first line reads so.
func (b *browser) choose(text string) {
	b.t.Helper()
	b.press(text, visible("button,[role=menuitem],[role=option]", fmt.Sprintf("e.innerText.trim().split('\\n')[0] === %q", text)), "click")
}

// fill types into a field.
func (b *browser) fill(field, text string) {
	b.t.Helper()
	run(b, "fill in "+field, chromedp.SendKeys(chromedp.ID(field), text))
}

// write types into the editor that can be seen, and leaves it: the editor then lays the text
// out anew, and would move a button away from under the mouse. While the page is still being
// built it may take nothing.
func (b *browser) write(within, text string) {
	b.t.Helper()
	editor := visible(within+" .cm-content[contenteditable=true]", "true")
	var written string
	b.until(func() bool {
		b.press("the editor", editor, "focus")
		run(b, "choose all", chromedp.Evaluate[any]("document.execCommand('selectAll')"))
		run(b, "write "+text, chromedp.KeyEvent(text))
		run(b, "leave the editor", chromedp.Evaluate[any]("document.activeElement.blur()"))
		written = run(b, "read the editor", chromedp.Evaluate[string](editor+".innerText"))
		return strings.Join(strings.Fields(written), "") == strings.Join(strings.Fields(text), "")
	}, func() string { return "the editor holds " + written })
}

// visit opens a page of the Temporal UI.
func (b *browser) visit(path string) {
	b.t.Helper()
	run(b, "open "+path, chromedp.Navigate(b.ui+path))
}

// picture saves what the tab shows, when the test was asked to.
func (b *browser) picture(name string) {
	b.t.Helper()
	if *pictures == "" {
		return
	}
	image := run(b, "take a picture", chromedp.CaptureScreenshot())
	require.NoError(b.t, os.WriteFile(filepath.Join(*pictures, name), image, 0o600))
}
