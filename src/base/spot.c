/* Where in a text an error lies, drawn: line, column, the line itself and a mark below it. Columns count characters; the mark is made of
 * as many blanks as a terminal needs columns, so it stands right under East Asian text and behind tabs too. */
#include "base/err.h"
#include "base/utf8.h"

enum { SHOWN = 120, HINT = 600 };

static bool wide(uint32_t r) {
    static const uint32_t ranges[][2] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (r >= ranges[i][0] && r <= ranges[i][1])
            return true;
    return false;
}
static void put_line(sl_buf *out, sl_str s) { /* what would move a terminal's cursor is shown as ? */
    for (size_t i = 0; i < s.n; i++)
        sl_buf_putc(out, ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f ? '?' : s.p[i]);
}
sl_err *sl_err_mark(sl_err *e, sl_str text, size_t pos, size_t len, const char *hint) {
    if (!e || !text.p)
        return e;
    if (pos > text.n)
        pos = text.n;
    size_t from = pos, to = pos;
    sl_spot s = {.line = 1, .hint = hint && *hint ? hint : NULL};
    for (size_t i = 0; i < pos; i++)
        s.line += text.p[i] == '\n';
    while (from && text.p[from - 1] != '\n')
        from--;
    while (to < text.n && text.p[to] != '\n')
        to++;
    if (to > from && text.p[to - 1] == '\r' && to > pos)
        to--;
    s.column = 1 + (unsigned)sl_utf8_count(sl_str_n(text.p + from, pos - from));
    bool cut = pos - from > SHOWN; /* a long line: what surrounds the place */
    if (cut)
        for (from = pos - SHOWN / 2; from < pos && ((unsigned char)text.p[from] & 0xC0) == 0x80; from++)
            ;
    bool more = to - from > 2 * SHOWN;
    if (more)
        for (to = from + 2 * SHOWN; to > pos && ((unsigned char)text.p[to] & 0xC0) == 0x80; to--)
            ;
    sl_buf line = {0}, mark = {0}, advice = {0};
    if (s.hint && strlen(s.hint) > HINT) { /* a name in it may be as long as the statement; advice goes into a header, too */
        size_t n = HINT;
        while (n && ((unsigned char)s.hint[n] & 0xC0) == 0x80)
            n--;
        sl_buf_printf(&advice, "%.*s...", (int)n, s.hint);
        s.hint = sl_buf_cstr(&advice);
    }
    sl_buf_puts(&line, cut ? "..." : "");
    put_line(&line, sl_str_n(text.p + from, to - from));
    sl_buf_puts(&line, more ? "..." : "");
    sl_buf_puts(&mark, cut ? "   " : "");
    size_t end = pos + len < to ? pos + len : to;
    for (size_t i = from; i < end || i == pos;) {
        uint32_t r = ' ';
        unsigned k = i < end ? sl_utf8_get(text.p + i, text.n - i, &r) : 1;
        if (i < pos)
            sl_buf_puts(&mark, r == '\t' ? "\t" : wide(r) ? "  " : " ");
        else
            sl_buf_puts(&mark, i == pos ? (wide(r) ? "^~" : "^") : wide(r) ? "~~" : "~");
        i += k;
    }
    s.text = sl_buf_cstr(&line);
    s.mark = sl_buf_cstr(&mark);
    if (!line.failed && !mark.failed)
        sl_err_put_spot(e, &s);
    sl_buf_free(&line);
    sl_buf_free(&mark);
    sl_buf_free(&advice);
    return e;
}
