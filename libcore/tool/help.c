/* help.c - --help, the man page and the completion, printed from a tool's table. */
#include "tool/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAN_DATE "2026-11-24" /* fixed: a page changes only when its tool does */

/* MAN_WIDTH: what man leaves of 80 columns to an indented line */
enum { WIDTH = 80, MAN_WIDTH = 66, COLUMN = 28, CHOICES_SHOWN = 30 };

/* ---- shared: what is said of an option ---- */

/* The placeholder: of a choice its names, when they are short enough. */
static void placeholder(const struct gn_opt *o, struct gn_str *out)
{
    if (o->type != GN_OPT_T_CHOICE) {
        gn_str_add(out, o->arg ? o->arg : "");
        return;
    }
    for (size_t i = 0; o->choices[i]; i++)
        gn_str_addf(out, "%s%s", i ? "|" : "", o->choices[i]);
    if (out->len > CHOICES_SHOWN) {
        gn_str_clear(out);
        gn_str_add(out, "NAME");
    }
}

/* The help text, the choices if the placeholder does not show them, whether it must be given, the
 * default. */
static void sentence(const struct gn_opt *o, const char *value, const char *shown,
                     struct gn_str *out)
{
    gn_str_add(out, o->help);
    if (o->type == GN_OPT_T_CHOICE && !strcmp(shown, "NAME")) {
        gn_str_add(out, ": ");
        for (size_t i = 0; o->choices[i]; i++)
            gn_str_addf(out, "%s%s", i ? ", " : "", o->choices[i]);
    }
    if (o->type == GN_OPT_T_LIST)
        gn_str_add(out, " (repeatable)");
    if (o->flags & GN_OPT_REQUIRED)
        gn_str_add(out, " (required)");
    if (*value)
        gn_str_addf(out, " [%s]", value);
}

/* "Exactly one of --a, --b must be given.", or nothing. */
static void one_of(const struct gn_opts *opts, struct gn_str *out)
{
    const struct gn_opt *o = NULL;
    size_t n = 0;

    for (size_t i = 0; (o = gn_opts_at(opts, i, NULL)); i++)
        if (o->type != GN_OPT_T_GROUP && (o->flags & GN_OPT_ONE_OF))
            gn_str_addf(out, "%s--%s", n++ ? ", " : "Exactly one of ", o->name);
    if (n)
        gn_str_add(out, " must be given.");
}

static const char *operands_of(const struct gn_tool *tool)
{
    return tool->operands ? tool->operands : tool->flags & GN_TOOL_NO_INPUT ? "" : "[FILE...]";
}

/* Some tables show in their operands where the command stands. */
static bool names_command(const struct gn_tool *tool)
{
    return strstr(operands_of(tool), "COMMAND") != NULL;
}

static const char *input_of(const struct gn_tool *tool)
{
    if (tool->input)
        return tool->input;
    return tool->flags & GN_TOOL_NO_INPUT
               ? "What the operands name."
               : "A tensor stream, gn-stream(5): files, or standard input when there are none or "
                 "the name is -. Several files are "
                 "read as one stream.";
}

static const char *output_of(const struct gn_tool *tool)
{
    if (tool->output)
        return tool->output;
    return tool->flags & GN_TOOL_NO_OUTPUT ? "Text on standard output."
                                           : "A tensor stream, gn-stream(5), on standard output or "
                                             "in the file of -o, which appears when it is whole.";
}

/* ---- plain text ---- */

/* Words wrapped at WIDTH, continued at `indent`; `at` is the column where the first word goes. */
static void wrap(struct gn_str *out, const char *text, size_t n, size_t indent, size_t at)
{
    const char *p = text, *end = text + n;
    bool first = true;

    while (p < end) {
        size_t len = 0;

        while (p < end && (*p == ' ' || *p == '\n'))
            p++;
        while (p + len < end && p[len] != ' ' && p[len] != '\n')
            len++;
        if (len == 0)
            break;
        if (!first && at + 1 + len > WIDTH) {
            gn_str_addf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            gn_str_add(out, " ");
            at++;
        }
        gn_str_addn(out, p, len);
        at += len;
        p += len;
        first = false;
    }
    gn_str_add(out, "\n");
}

/* The next paragraph of a text (up to a blank line) is p..p+*n; NULL at the end. Indented ones are
 * kept as they are. */
static const char *paragraph(const char *p, size_t *n)
{
    const char *stop = NULL;

    while (*p == '\n')
        p++;
    if (!*p)
        return NULL;
    stop = strstr(p, "\n\n");
    *n = stop ? (size_t)(stop - p) : strlen(p);
    while (*n && p[*n - 1] == '\n')
        --*n;
    return p;
}

static void text_option(const struct gn_opt *o, const char *value, struct gn_str *out)
{
    struct gn_str left = {0}, shown = {0}, right = {0};

    placeholder(o, &shown);
    if (o->letter)
        gn_str_addf(&left, "  -%c, --%s", o->letter, o->name);
    else
        gn_str_addf(&left, "      --%s", o->name);
    if (o->flags & GN_OPT_OPTIONAL)
        gn_str_addf(&left, "[=%s]", gn_str_text(&shown));
    else if (shown.len)
        gn_str_addf(&left, " %s", gn_str_text(&shown));
    gn_str_add(out, gn_str_text(&left));
    if (left.len + 2 > COLUMN)
        gn_str_addf(out, "\n%*s", COLUMN, "");
    else
        gn_str_addf(out, "%*s", (int)(COLUMN - left.len), "");
    sentence(o, value, gn_str_text(&shown), &right);
    wrap(out, gn_str_text(&right), right.len, COLUMN, COLUMN);
    gn_str_free(&left);
    gn_str_free(&shown);
    gn_str_free(&right);
}

/* Some tables describe a command's operands alone, some repeat the name of what they do: all are
 * printed in two columns. */
static void text_commands(const struct gn_command *c, struct gn_str *out)
{
    gn_str_add(out, "\nCommands:\n");
    for (; c->name; c++) {
        size_t at = out->len, used = 0;

        gn_str_addf(out, "  %s%s%s", c->name, c->operands && *c->operands ? " " : "",
                    c->operands ? c->operands : "");
        used = out->len - at;
        if (used + 2 > COLUMN)
            gn_str_addf(out, "\n%*s", COLUMN, "");
        else
            gn_str_addf(out, "%*s", (int)(COLUMN - used), "");
        wrap(out, c->help, strlen(c->help), COLUMN, COLUMN);
    }
}

/* Where to break a line of shell to fit into `room`: the last space outside quotes that lets it,
 * after a bar if there is one. 0: it fits, or has no such space. */
static size_t break_at(const char *line, size_t room)
{
    size_t bar = 0, space = 0;
    char quote = 0;

    for (size_t i = 1; strlen(line) > room && line[i]; i++) {
        if (quote ? line[i] == quote : line[i] == '\'' || line[i] == '"')
            quote = quote ? 0 : line[i];
        if (quote || line[i] != ' ')
            continue;
        if (i + 2 > room && (bar || space)) /* " \" needs two columns */
            break;
        *(line[i - 1] == '|' ? &bar : &space) = i;
    }
    return bar ? bar : space;
}

/* A command in lines of `width` where its words allow that, those after the first indented; it can
 * still be pasted into a shell. */
static void break_command(const char *text, size_t width, size_t indent, struct gn_str *out)
{
    size_t room = width, at = 0;

    while ((at = break_at(text, room))) {
        gn_str_addn(out, text, at);
        gn_str_addf(out, "%s\n%*s", text[at - 1] == '|' ? "" : " \\", (int)indent, "");
        text += at + 1;
        room = width - indent;
    }
    gn_str_add(out, text);
}

void gn_help_text(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out)
{
    struct gn_str note = {0};
    const struct gn_opt *o = NULL;
    const char *value = NULL, *p = NULL, *operands = operands_of(tool);
    bool heading = false;
    size_t n = 0;

    gn_str_addf(out, "Usage: %s%s [OPTION...]%s%s\n", tool->name,
                tool->commands && !names_command(tool) ? " COMMAND" : "", *operands ? " " : "",
                operands);
    gn_str_addf(out, "%s - ", tool->name);
    wrap(out, tool->summary, strlen(tool->summary), 4, strlen(tool->name) + 3);
    p = paragraph(tool->description,
                  &n); /* the rest is in the man page, so that help fits a screen */
    if (p) {
        gn_str_add(out, "\n");
        wrap(out, p, n, 0, 0);
    }
    if (tool->commands)
        text_commands(tool->commands, out);
    for (size_t i = 0; (o = gn_opts_at(opts, i, &value)); i++) {
        if (o->type == GN_OPT_T_GROUP)
            gn_str_addf(out, "\n%s:\n", o->name);
        else if (!heading)
            gn_str_add(out, "\nOptions:\n");
        heading = true;
        if (o->type != GN_OPT_T_GROUP)
            text_option(o, value, out);
    }
    one_of(opts, &note);
    if (note.len) {
        gn_str_add(out, "\n");
        wrap(out, note.data, note.len, 0, 0);
    }
    if (tool->examples && tool->examples[0].command)
        gn_str_add(out, "\nExamples:\n");
    for (size_t i = 0; tool->examples && tool->examples[i].command; i++) {
        gn_str_add(out, "  ");
        break_command(tool->examples[i].command, WIDTH - 2, 4, out);
        gn_str_add(out, "\n      ");
        wrap(out, tool->examples[i].what, strlen(tool->examples[i].what), 6, 6);
    }
    gn_str_add(out, "\n");
    gn_str_clear(&note);
    gn_str_addf(&note, "More: man %s%s%s", tool->name, tool->see_also ? "; see also " : "",
                tool->see_also ? tool->see_also : "");
    wrap(out, note.data, note.len, 4, 0);
    gn_str_free(&note);
}

/* ---- man page ---- */

static uint32_t decode(const unsigned char **p)
{
    const unsigned char *s = *p;
    int more = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

    for (int i = 1; i <= more && (s[i] & 0xc0) == 0x80; i++, ++*p)
        c = c << 6 | (s[i] & 0x3fu);
    ++*p;
    return c;
}

/* One word or line as troff text. Characters that troff would turn into typographic ones are
 * written by name. */
static void escape(struct gn_str *out, const char *text, size_t n)
{
    static const struct {
        char c;
        const char *name;
    } special[] = {
        {'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"},
        {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"},
    };
    const unsigned char *p = (const unsigned char *)text, *end = p + n;

    if (n && text[0] == '.' && (out->len == 0 || out->data[out->len - 1] == '\n'))
        gn_str_add(out, "\\&");
    while (p < end) {
        const char *name = NULL;

        for (size_t i = 0; i < sizeof special / sizeof *special; i++)
            if (*p == (unsigned char)special[i].c)
                name = special[i].name;
        if (name)
            gn_str_add(out, name), p++;
        else if (*p < 0x80)
            gn_str_addn(out, (const char *)p++, 1);
        else
            gn_str_addf(out, "\\[u%04X]", decode(&p));
    }
}

/* Filled text: words, broken into source lines; a line never starts with a control character. */
static void fill(struct gn_str *out, const char *text, size_t n)
{
    const char *p = text, *end = text + n;
    size_t at = 0;

    while (p < end) {
        size_t len = 0;

        while (p < end && (*p == ' ' || *p == '\n'))
            p++;
        while (p + len < end && p[len] != ' ' && p[len] != '\n')
            len++;
        if (len == 0)
            break;
        if (at && at + 1 + len > 72) {
            gn_str_add(out, "\n");
            at = 0;
        } else if (at) {
            gn_str_add(out, " ");
            at++;
        }
        escape(out, p, len);
        at += len;
        p += len;
    }
    gn_str_add(out, "\n");
}

static void verbatim(struct gn_str *out, const char *text, size_t n)
{
    const char *end = text + n;

    gn_str_add(out, ".RS 4\n.nf\n");
    for (const char *p = text; p < end;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((eol ? eol : end) - p),
               skip = len >= 2 && !memcmp(p, "  ", 2) ? 2 : 0;

        escape(out, p + skip, len - skip);
        gn_str_add(out, "\n");
        p += len + 1;
    }
    gn_str_add(out, ".fi\n.RE\n");
}

static void section(struct gn_str *out, const char *title, const char *text)
{
    const char *p = text;
    size_t n = 0;
    bool first = true;

    gn_str_addf(out, ".SH %s\n", title);
    for (; (p = paragraph(p, &n)); p += n, first = false) {
        if (!first)
            gn_str_add(out, ".PP\n");
        if (p[0] == ' ')
            verbatim(out, p, n);
        else
            fill(out, p, n);
    }
}

static void man_option(const struct gn_opt *o, const char *value, struct gn_str *out)
{
    struct gn_str shown = {0}, right = {0};

    placeholder(o, &shown);
    gn_str_add(out, ".TP\n");
    if (o->letter)
        gn_str_addf(out, "\\fB\\-%c\\fR, ", o->letter);
    gn_str_add(out, "\\fB\\-\\-");
    escape(out, o->name, strlen(o->name));
    gn_str_add(out, "\\fR");
    if (shown.len) {
        gn_str_add(out, o->flags & GN_OPT_OPTIONAL ? "[=\\fI" : " \\fI");
        escape(out, shown.data, shown.len);
        gn_str_add(out, o->flags & GN_OPT_OPTIONAL ? "\\fR]" : "\\fR");
    }
    gn_str_add(out, "\n");
    sentence(o, value, gn_str_text(&shown), &right);
    fill(out, gn_str_text(&right), right.len);
    gn_str_free(&shown);
    gn_str_free(&right);
}

static void man_examples(const struct gn_tool *tool, struct gn_str *out)
{
    if (!tool->examples || !tool->examples[0].command)
        return;
    gn_str_add(out, ".SH EXAMPLES\n");
    for (size_t i = 0; tool->examples[i].command; i++) {
        struct gn_str command = {0};

        if (i)
            gn_str_add(out, ".PP\n");
        fill(out, tool->examples[i].what, strlen(tool->examples[i].what));
        break_command(tool->examples[i].command, MAN_WIDTH, 6, &command);
        verbatim(out, command.data, command.len);
        gn_str_free(&command);
    }
}

static void man_options(const struct gn_opts *opts, struct gn_str *out)
{
    struct gn_str note = {0};
    const struct gn_opt *o = NULL;
    const char *value = NULL;

    gn_str_add(out, ".SH OPTIONS\n");
    for (size_t i = 0; (o = gn_opts_at(opts, i, &value)); i++) {
        if (o->type == GN_OPT_T_GROUP) {
            gn_str_add(out, ".SS ");
            escape(out, o->name, strlen(o->name));
            gn_str_add(out, "\n");
        } else {
            man_option(o, value, out);
        }
    }
    one_of(opts, &note);
    if (note.len) {
        gn_str_add(out, ".PP\n");
        fill(out, note.data, note.len);
    }
    gn_str_free(&note);
}

void gn_help_man(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out)
{
    const char *operands = operands_of(tool);

    gn_str_add(out, ".TH ");
    for (const char *p = tool->name; *p; p++)
        gn_str_addf(out, "%c", *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    gn_str_addf(out, " 1 \"" MAN_DATE "\" \"gn %s\" \"gn manual\"\n.SH NAME\n", GN_VERSION);
    escape(out, tool->name, strlen(tool->name));
    gn_str_add(out, " \\- ");
    escape(out, tool->summary, strlen(tool->summary));
    gn_str_add(out, "\n.SH SYNOPSIS\n.B ");
    escape(out, tool->name, strlen(tool->name));
    gn_str_addf(out, "\n%s[\\fIoption\\fR ...]%s",
                tool->commands && !names_command(tool) ? "\\fIcommand\\fR " : "",
                *operands ? " " : "");
    escape(out, operands, strlen(operands));
    gn_str_add(out, "\n");
    section(out, "DESCRIPTION", tool->description);
    for (const struct gn_command *c = tool->commands; c && c->name; c++) {
        gn_str_add(out, ".TP\n\\fB");
        escape(out, c->name, strlen(c->name));
        gn_str_add(out, "\\fR");
        if (c->operands && *c->operands) {
            gn_str_add(out, " \\fI");
            escape(out, c->operands, strlen(c->operands));
            gn_str_add(out, "\\fR");
        }
        gn_str_add(out, "\n");
        fill(out, c->help, strlen(c->help));
    }
    man_options(opts, out);
    section(out, "INPUT", input_of(tool));
    section(out, "OUTPUT", output_of(tool));
    gn_str_add(out, ".SH EXIT STATUS\n.TP\n0\ndone.\n.TP\n1\nfailed: bad data, an error of input "
                    "or output, truncated input; "
                    "or\nsubjects were left out.\n.TP\n2\nwrong usage.\n");
    for (const struct gn_status *s = tool->statuses; s && s->text; s++) {
        gn_str_addf(out, ".TP\n%d\n", s->status);
        fill(out, s->text, strlen(s->text));
    }
    man_examples(tool, out);
    if (tool->references && tool->references[0]) {
        gn_str_add(out, ".SH REFERENCES\n");
        for (size_t i = 0; tool->references[i]; i++) {
            if (i)
                gn_str_add(out, ".PP\n");
            fill(out, tool->references[i], strlen(tool->references[i]));
        }
    }
    section(out, "SEE ALSO", tool->see_also ? tool->see_also : "gn(7), gn-stream(5)");
}

/* ---- for the tests ---- */

void gn_help_examples(const struct gn_tool *tool, struct gn_str *out)
{
    for (size_t i = 0; tool->examples && tool->examples[i].command; i++)
        gn_str_addf(out, "%s\n", tool->examples[i].command);
}

/* ---- completion ---- */

static void pattern(const struct gn_opt *o, struct gn_str *out)
{
    gn_str_add(out, "        ");
    if (o->letter)
        gn_str_addf(out, "-%c | ", o->letter);
    gn_str_addf(out, "--%s) ", o->name);
}

void gn_help_completion(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out)
{
    const struct gn_opt *o = NULL;
    char *function = gn_strdup(tool->name);

    for (char *p = function; *p; p++)
        if (*p == '-')
            *p = '_';
    gn_str_addf(out,
                "# bash completion of %s\n_%s()\n{\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                "    COMPREPLY=()\n"
                "    [[ $cur == '=' ]] && cur=\n"
                "    [[ $prev == '=' ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
                "    case $prev in\n",
                tool->name, function);
    for (size_t i = 0; (o = gn_opts_at(opts, i, NULL)); i++) {
        if (o->type == GN_OPT_T_GROUP || o->type == GN_OPT_T_FLAG || o->type == GN_OPT_T_COUNT ||
            (o->flags & GN_OPT_OPTIONAL))
            continue;
        pattern(o, out);
        if (o->type == GN_OPT_T_CHOICE) {
            gn_str_add(out, "mapfile -t COMPREPLY < <(compgen -W '");
            for (size_t k = 0; o->choices[k]; k++)
                gn_str_addf(out, "%s%s", k ? " " : "", o->choices[k]);
            gn_str_add(out, "' -- \"$cur\"); return ;;\n");
        } else if (o->flags & GN_OPT_DIR) {
            gn_str_add(out, "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n");
        } else {
            gn_str_add(out, "return ;;\n"); /* bash's own completion: files */
        }
    }
    gn_str_add(out, "        --help) mapfile -t COMPREPLY < <(compgen -W 'man completion' -- "
                    "\"$cur\"); return ;;\n    esac\n");
    gn_str_add(out, "    if [[ $cur == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '");
    for (size_t i = 0, n = 0; (o = gn_opts_at(opts, i, NULL)); i++)
        if (o->type != GN_OPT_T_GROUP)
            gn_str_addf(out, "%s--%s", n++ ? " " : "", o->name);
    gn_str_add(out, "' -- \"$cur\")\n");
    if (tool->commands) {
        gn_str_add(
            out,
            "    elif ((COMP_CWORD == 1)); then\n        mapfile -t COMPREPLY < <(compgen -W '");
        for (const struct gn_command *c = tool->commands; c->name; c++)
            gn_str_addf(out, "%s%s", c == tool->commands ? "" : " ", c->name);
        gn_str_add(out, "' -- \"$cur\")\n");
    }
    gn_str_addf(out, "    fi\n}\ncomplete -o default -F _%s %s\n", function, tool->name);
    free(function);
}
