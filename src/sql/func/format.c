/* format(): fixed decimals, and the separators of a country.
 * Decision: a table of languages by their style, and of the regions where it is another one; rounding is the C library's, which rounds half to even on the exact binary
 * value as Go does. */
#include "sql/func/format.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIGITS = 1000 };
typedef struct style {
    const char *minus, *group, *point;
    bool indian;      /* 12,34,567 */
    uint32_t zero;    /* the digit 0 */
    const char *tags; /* languages, and languages with a region that differ from their language */
} style;
static const style styles[] = {
    {"-", ",", ".", false, '0',
     "aa ab ae ak am an av ay ba bh bi bm bo ce ch co cr cv cy dv ee en fj ga gd gn gv ha ho ht hz ia ie ig ii ik io iu ja jv kg ki kj "
     "kn ko kr ku kv kw la lg li mg mh mi mn ms mt na nd ng no nr nv ny oc oj om pi qu sa sc si sm sn so ss st su sw te th ti tl tn to "
     "ts tw ty ug ve vo wa xh yi yo za zh zu fil ji bem cmn haw yue chr mai mni sat az_IQ az_IR es_BR es_BZ es_CU es_DO es_GT es_HN "
     "es_MX es_NI es_PA es_PE es_PR es_SV es_US kk_AF kk_CN kk_IR kk_MN ky_CN ky_TR my_MM ne_IN ne_NP sd_PK ta_MY ta_SG tg_PK ckb_IQ "
     "ckb_IR"},
    {"-", ".", ",", false, '0',
     "az bs ca da de el es fy gl hr id is it km lb ln lo lu mk nl pt rn ro rw sg sr tr vi wo in mo sh ast dsb hsb nds en_AT en_BE en_CH "
     "en_DE en_DK en_NL en_SI fr_LU fr_MA ms_BN qu_BO sw_CD"},
    {"-", "\u00a0", ",", false, '0',
     "af be bg br cs cu ff fr hu hy ka kk ky lv os pl ru sk sq tg tk tt uk uz kab sah smn tzm de_AT en_FI en_SE en_ZA es_CR pt_AO pt_CH "
     "pt_CV pt_GQ pt_GW pt_LU pt_MO pt_MZ pt_PT pt_ST pt_TL"},
    {"\u200e-", ",", ".", false, '0',
     "he ur iw ar_AE ar_BH ar_DJ ar_EG ar_EH ar_ER ar_IL ar_IQ ar_JO ar_KM ar_KW ar_OM ar_PS ar_QA ar_SA ar_SD ar_SO ar_SS ar_SY ar_TD "
     "ar_YE pa_PK"},
    {"-", ",", ".", true, '0', "gu hi ml or pa ta kok as_IN bn_BD bn_IN dz_BT en_IN mr_IN"},
    {"\u2212", "\u00a0", ",", false, '0', "eo et fi lt nb nn se sv"},
    {"\u200e-", ".", ",", false, '0', "ar_DZ ar_LB ar_LY ar_MA ar_MR ar_TN"},
    {"\u2212", ".", ",", false, '0', "eu fo kl sl"},
    {"-", "\u2019", ".", false, '0', "de_CH de_LI it_CH"},
    {"\u061c-", "\u066c", "\u066b", false, 0x0660, "ar sd"},
    {"-", ",", ".", true, 0x09e6, "as bn"},
    {"\u200e-\u200e", "\u066c", "\u066b", false, 0x06f0, "ps ur_IN"},
    {"\u2212", "\u2019", ".", false, '0', "rm gsw"},
    {"\u200e\u2212", ",", ".", false, '0', "fa_AF fa_IR"},
    {"\u200e\u2212", ".", ",", false, '0', "ps_AF uz_AF"},
    {"-", ",", ".", true, 0x0f20, "dz"},
    {"\u200e\u2212", "\u066c", "\u066b", false, 0x06f0, "fa"},
    {"\u200e-\u200e", "\u066c", "\u066b", true, 0x06f0, "ks"},
    {"-", ",", ".", true, 0x0966, "mr"},
    {"-", ",", ".", false, 0x1040, "my"},
    {"-", ",", ".", false, 0x0966, "ne"},
    {"\u200f-", "\u066c", "\u066b", false, 0x0660, "ckb"},
    {"\u200e-", ",", ".", true, '0', "ks_IN"},
};
static const char regions[] = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM "
                              "CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY "
                              "HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF "
                              "MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE "
                              "RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UK UM US UY "
                              "UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

static bool same(const char *p, size_t n, sl_str s) {
    if (n != s.n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] | 32) != (s.p[i] | 32))
            return false;
    return true;
}
static bool listed(const char *list, sl_str s) {
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (same(p, n, s))
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}
/* The style of language_REGION, language_Script_REGION, also with "-"; NULL: the language or the region is unknown, or there is no region. */
static const style *find(sl_str tag) {
    sl_str part[3] = {{0}};
    size_t n = 0, from = 0;
    char name[8] = "";
    for (size_t i = 0; i <= tag.n; i++)
        if (i == tag.n || tag.p[i] == '_' || tag.p[i] == '-') {
            if (n == 3)
                return NULL;
            part[n++] = sl_str_n(tag.p + from, i - from);
            from = i + 1;
        }
    if (n < 2 || part[0].n < 2 || part[0].n > 3 || part[n - 1].n != 2 || (n == 3 && part[1].n != 4) || !listed(regions, part[n - 1]))
        return NULL;
    int len = snprintf(name, sizeof name, "%.*s_%.*s", SL_FMT(part[0]), SL_FMT(part[n - 1]));
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
            if (listed(styles[i].tags, k ? part[0] : sl_str_n(name, (size_t)len)))
                return &styles[i];
    return NULL;
}
static char *put(char *at, const char *s) {
    size_t n = strlen(s);
    memcpy(at, s, n);
    return at + n;
}
static char *put_digit(char *at, uint32_t zero, char digit) {
    uint32_t c = zero + (uint32_t)(digit - '0');
    if (zero == '0')
        *at++ = digit;
    else if (c < 0x800) {
        *at++ = (char)(0xC0 | c >> 6);
        *at++ = (char)(0x80 | (c & 63));
    } else {
        *at++ = (char)(0xE0 | c >> 12);
        *at++ = (char)(0x80 | (c >> 6 & 63));
        *at++ = (char)(0x80 | (c & 63));
    }
    return at;
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
    char plain[320 + MAX_DIGITS];
    if (isnan(x))
        return sl_v_str(SL_S("NaN"));
    size_t len = isinf(x) ? 0 : (size_t)snprintf(plain, sizeof plain, "%.*f", (int)digits, fabs(x));
    char *out = sl_arena_alloc(c->arena, len * 6 + 32), *at = out;
    if (!out)
        return sl_call_fail(c, "out of memory");
    if (signbit(x))
        at = put(at, s ? s->minus : "-");
    if (isinf(x))
        return at = put(at, "\u221e"), sl_v_str(sl_str_n(out, (size_t)(at - out)));
    size_t i = 0, whole = strcspn(plain, ".");
    for (; i < whole; i++) {
        at = put_digit(at, s ? s->zero : '0', plain[i]);
        size_t left = whole - i - 1; /* digits that follow before the point */
        if (s && left && (s->indian ? left == 3 || (left > 3 && left % 2 == 1) : left % 3 == 0))
            at = put(at, s->group);
    }
    if (i < len)
        at = put(at, s ? s->point : ".");
    for (i++; i < len; i++)
        at = put_digit(at, s ? s->zero : '0', plain[i]);
    return sl_v_str(sl_str_n(out, (size_t)(at - out)));
}
