/* Runs calls with memory over rows in order: arguments by column, then the function row by row with the keep of its partition.
 * Decision: call by call, not row by row. Every call site has its own memory, so the results are the same, and the arguments stay columnwise. A row
 * on which a call fails is left out for the calls behind it. */
#include "sql/pipe.h"

static bool truth(sl_value v) { return v.kind == SL_BOOL ? v.i != 0 : true; } /* null and other kinds count as true */
/* Printed values with their lengths, so that (1, "23") and (12, "3") differ (D33). */
static sl_str partition(sl_run *run, const sl_pcall *c, uint32_t row, sl_buf *b) {
    sl_buf_clear(b);
    for (uint32_t i = 0; i < c->npart; i++) {
        sl_value v = sl_run_at(run, c->part[i].res, row);
        size_t at = b->n;
        if (v.kind == SL_ABSENT)
            v.kind = SL_NULL;
        sl_value_print(b, v);
        sl_buf_printf(b, "\x1f%zu\x1f", b->n - at);
    }
    return sl_buf_view(b);
}
bool sl_ana_run(sl_run *run, const sl_pcall *calls, uint32_t n, uint32_t first, sl_keeps **keeps, sl_rows *rows, uint32_t *keep,
                void (*fail)(void *arg, uint32_t row, sl_value err), void *arg) {
    sl_buf key = {0};
    for (uint32_t k = 0; k < n && !run->nomem; k++) {
        const sl_pcall *c = &calls[k];
        sl_value few[16], *args = c->nargs <= 16 ? few : sl_arena_alloc(run->tmp, c->nargs * sizeof *args);
        sl_value *to = sl_arena_alloc(run->tmp, ((size_t)run->nrows + 1) * sizeof *to);
        if (!args || !to || sl_arena_failed(run->tmp) || (!keeps[k] && !(keeps[k] = sl_keeps_new()))) {
            run->nomem = true;
            break;
        }
        for (uint32_t i = 0; i < c->nargs; i++)
            sl_run_block(run, c->args[i], *rows);
        if (c->has_when)
            sl_run_block(run, c->when, *rows);
        for (uint32_t i = 0; i < c->npart; i++)
            sl_run_block(run, c->part[i], *rows);
        uint32_t left = 0, had = rows->n;
        for (uint32_t i = 0; i < had && !run->nomem; i++) {
            uint32_t r = rows->at ? rows->at[i] : i;
            sl_value v = sl_v_absent();
            bool bad = false;
            for (uint32_t a = 0; a < c->nargs && !bad; a++) {
                args[a] = sl_run_at(run, c->args[a].res, r);
                if (args[a].kind == SL_JSONTEXT)
                    args[a] = sl_value_open(run->out, args[a]);
                if ((bad = args[a].kind == SL_ERROR))
                    v = args[a];
            }
            sl_keep *mem = bad ? NULL : sl_keeps_at(keeps[k], c->npart ? partition(run, c, r, &key) : (sl_str){"", 0});
            if (!bad && (!mem || key.failed)) {
                run->nomem = true;
                break;
            }
            if (!bad) {
                sl_call *call = &run->call;
                call->arena = run->out;
                call->error = (sl_str){0};
                call->failed = false;
                call->func = c->func;
                call->row_ms = run->time ? run->time[r] : run->at;
                v = c->func->kept(call, mem, args, c->nargs, !c->has_when || truth(sl_run_at(run, c->when.res, r)));
                if (call->failed)
                    v = sl_v_error(sl_arena_printf(run->out, "call func %s error: %.*s", c->func->name, SL_FMT(call->error)));
            }
            if (v.kind == SL_ERROR)
                fail(arg, r, v);
            else {
                to[r] = v.kind >= SL_STRING ? sl_value_copy(run->out, v) : v; /* the memory may change under it */
                keep[left++] = r;
            }
        }
        run->reg[first + k] = to;
        *rows = (sl_rows){keep, left};
    }
    sl_buf_free(&key);
    return !run->nomem;
}
