/* format(): fixed decimals, and the separators of a country.
 * Decision: a table of the tags upstream knows by their style; digits are the C library's, which round half to even on the exact binary
 * value as Go does. */
#include "sql/func/format.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DIGITS = 1000 };
typedef struct style {
    const char *group, *point;
    bool indian; /* 12,34,567 */
    const char *tags;
} style;
static const style styles[] = {
    {",", ".", false,
     "en_US en_NZ en_PH en_ZW en_GB en_CA en_AU en_IE en_SG en_HK en_MT en_ZM en_NG en_KE en_GH en_JM en_TT en_BZ es_US es_MX es_PR es_DO es_GT es_HN "
     "es_NI es_PA es_PE es_SV ar_EG ar_SA ar_JO ar_KW ar_OM ar_QA ar_SD ar_SY ar_YE ar_AE ar_BH ar_IQ zh_CN zh_HK zh_TW zh_SG zh_MO ja_JP ko_KR th_TH "
     "he_IL iw_IL ur_PK ms_MY mn_MN no_NO fil_PH cy_GB ga_IE sw_KE sw_TZ am_ET si_LK my_MM"},
    {",", ".", true, "en_IN hi_IN gu_IN ta_IN te_IN mr_IN kn_IN ml_IN pa_IN"},
    {".", ",", false,
     "de_DE de_BE de_LU fr_LU it_IT es_ES es_AR es_BO es_CL es_CO es_EC es_PY es_UY es_VE pt_BR nl_NL nl_BE da_DK el_GR el_CY id_ID tr_TR vi_VN "
     "ro_RO ro_MD sr_RS hr_HR hr_BA bs_BA sl_SI mk_MK is_IS fo_FO gl_ES ca_ES eu_ES ar_LB ar_LY ar_MA ar_TN ar_DZ az_AZ km_KH lo_LA"},
    {"\u00a0", ",", false,
     "fr_FR fr_BE fr_CA fr_CH fr_MC ru_RU ru_UA ru_BY ru_KZ uk_UA pl_PL cs_CZ sk_SK hu_HU fi_FI sv_SE sv_FI nb_NO nn_NO de_AT es_CR en_ZA af_ZA "
     "lt_LT lv_LV et_EE sq_AL pt_PT be_BY bg_BG kk_KZ hy_AM ka_GE uz_UZ ky_KG"},
    {"\u2019", ".", false, "de_CH de_LI it_CH rm_CH"},
};
static const style *find(sl_str tag) {
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        for (const char *p = styles[i].tags; *p;) {
            size_t n = strcspn(p, " ");
            bool same = n == tag.n;
            for (size_t k = 0; same && k < n; k++) {
                char x = tag.p[k] == '-' ? '_' : tag.p[k], y = p[k];
                same = x == y || (x != '_' && (x | 32) == (y | 32));
            }
            if (same)
                return &styles[i];
            p += n + (p[n] == ' ');
        }
    return NULL;
}
sl_value sl_fn_format(sl_call *c, const sl_value *args, uint32_t n) {
    double x;
    int64_t digits;
    sl_str why;
    if (!sl_to_float(c->arena, args[0], SL_CAST_SAMEKIND, &x, &why))
        x = 0;
    if (!sl_to_int(c->arena, args[1], SL_CAST_STRICT, &digits, &why))
        digits = 0;
    if (digits < 0)
        return sl_call_fail(c, "the decimal places must greater or equal than 0");
    if (digits > MAX_DIGITS)
        return sl_call_fail(c, "the decimal places must not be more than %d", MAX_DIGITS);
    const style *s = NULL;
    if (n == 3) {
        sl_str tag = sl_fn_text(c, args[2]);
        if (!(s = find(tag)))
            return sl_call_fail(c, "not support for the specific locale:%.*s", SL_FMT(tag));
    }
    if (!isfinite(x))
        return sl_v_str(isnan(x) ? SL_S("NaN") : x > 0 ? SL_S("+Inf") : SL_S("-Inf"));
    char plain[320 + MAX_DIGITS];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%.*f", (int)digits, x);
    if (!s)
        return sl_v_str(sl_arena_dup(c->arena, sl_str_n(plain, len)));
    char *out = sl_arena_alloc(c->arena, len * 4 + 8);
    size_t at = 0, i = 0, whole = strcspn(plain, ".");
    if (!out)
        return sl_call_fail(c, "out of memory");
    if (plain[0] == '-')
        out[at++] = plain[i++];
    for (; i < whole; i++) {
        out[at++] = plain[i];
        size_t left = whole - i - 1; /* digits that follow before the point */
        if (left && (s->indian ? left == 3 || (left > 3 && left % 2 == 1) : left % 3 == 0)) {
            memcpy(out + at, s->group, strlen(s->group));
            at += strlen(s->group);
        }
    }
    if (i < len) {
        out[at++] = s->point[0];
        memcpy(out + at, plain + i + 1, len - i - 1);
        at += len - i - 1;
    }
    return sl_v_str(sl_str_n(out, at));
}
