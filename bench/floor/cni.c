/* Drives CNI plugins as a runtime does and takes the time: ADD forward, each plugin handing its result to the next; DEL
 * backward, with the last result of ADD.
 *
 * usage: cni each|all COMMAND LIST RESULTS NETNS...
 * LIST is a file with a line for each plugin: its executable, a space, its configuration, in which `@` stands for 20000
 * and the number that the namespace's name ends in. RESULTS is a folder that keeps what ADD printed. `each` takes one namespace after the other and
 * prints the microseconds of each, a line each; `all` takes them all at once and prints the microseconds until all are done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { max_plugins = 8, max_text = 1 << 16, first_number = 20000 };

struct plugin {
  const char *path, *configuration;
};

struct attachment {
  const char *command, *netns, *results;
  int number;
};

/* The number a name ends in. */
static int number_of(const char *name) {
  size_t length = strlen(name);
  while (length > 0 && strchr("0123456789", name[length - 1])) length--;
  return atoi(name + length);
}

static struct plugin plugins[max_plugins];
static int plugin_count;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* The text of a file, of at most max_text bytes, or NULL. */
static char *load(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) return NULL;
  char *text = calloc(1, max_text);
  if (fread(text, 1, max_text - 1, file) == max_text - 1) exit(3);
  fclose(file);
  return text;
}

static void read_plugins(const char *path) {
  char *rest = load(path);
  if (!rest) die(path);
  for (char *line; (line = strsep(&rest, "\n")) && *line && plugin_count < max_plugins; plugin_count++) {
    plugins[plugin_count].path = strsep(&line, " ");
    plugins[plugin_count].configuration = line;
  }
}

/* The configuration with the number, and with the result before its last brace. */
static char *request(const char *configuration, int number, const char *result) {
  char *text = NULL;
  size_t size;
  FILE *stream = open_memstream(&text, &size);
  const char *end = strrchr(configuration, '}');
  for (const char *at = configuration; at < end; at++) {
    if (*at == '@') fprintf(stream, "%d", number);
    else fputc(*at, stream);
  }
  if (result) fprintf(stream, ",\"prevResult\":%s", result);
  fputc('}', stream);
  fclose(stream);
  return text;
}

static void make_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC)) die("pipe");
}

/* Starts the plugin with pipes as its input and output; returns its pid. */
static pid_t start(const struct plugin *plugin, const struct attachment *attachment, int input, int output) {
  static const char *const format[] = {"CNI_COMMAND=%s", "CNI_NETNS=%s", "CNI_CONTAINERID=bench%s"};
  const char *container = strrchr(attachment->netns, '/') + 1;
  const char *const value[] = {attachment->command, attachment->netns, container};
  char variable[3][256];
  for (int i = 0; i < 3; i++) snprintf(variable[i], sizeof variable[i], format[i], value[i]);
  char *environment[] = {variable[0], variable[1], variable[2], "CNI_IFNAME=eth0", "CNI_PATH=/usr/lib/cni",
                         "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  char *words[] = {(char *)plugin->path, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  pid_t pid;
  if (posix_spawn(&pid, plugin->path, &actions, NULL, words, environment)) die(plugin->path);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

/* Runs one plugin to its end; returns what it printed. */
static char *run(const struct plugin *plugin, const struct attachment *attachment, const char *result) {
  int input[2], output[2], status;
  make_pipe(input);
  make_pipe(output);
  pid_t pid = start(plugin, attachment, input[0], output[1]);
  close(input[0]);
  close(output[1]);
  char *text = request(plugin->configuration, attachment->number, result);
  if (write(input[1], text, strlen(text)) < 0 && errno != EPIPE) die("write");
  close(input[1]);
  free(text);
  char *printed = calloc(1, max_text);
  for (ssize_t got, at = 0; (got = read(output[0], printed + at, max_text - 1 - at)) > 0; at += got) {}
  close(output[0]);
  waitpid(pid, &status, 0);
  if (status) {
    fprintf(stderr, "%s %s: status %d: %s\n", plugin->path, attachment->command, status, printed);
    exit(1);
  }
  return printed;
}

/* Returns the microseconds that the plugins took. */
static double perform(const struct attachment *attachment) {
  int forward = strcmp(attachment->command, "DEL") != 0;
  char path[512], *result = NULL;
  snprintf(path, sizeof path, "%s/%s", attachment->results, strrchr(attachment->netns, '/') + 1);
  if (!forward) result = load(path);
  double began = now();
  for (int i = 0; i < plugin_count; i++) {
    char *printed = run(&plugins[forward ? i : plugin_count - 1 - i], attachment, result);
    if (!forward) {
      free(printed);
      continue;
    }
    free(result);
    result = printed;
  }
  double took = now() - began;
  if (!strcmp(attachment->command, "ADD")) {
    FILE *file = fopen(path, "we");
    if (!file || fputs(result, file) < 0 || fclose(file)) die(path);
  }
  free(result);
  return took;
}

static double perform_at_once(const struct attachment *attachments, int count) {
  int gate[2], failed = 0, status;
  char byte;
  make_pipe(gate);
  for (int i = 0; i < count; i++) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid > 0) continue;
    close(gate[1]);
    if (read(gate[0], &byte, 1)) die("gate");
    perform(&attachments[i]);
    _exit(0);
  }
  double began = now();
  close(gate[1]);
  while (wait(&status) > 0) failed |= status;
  if (failed) exit(1);
  return now() - began;
}

int main(int count, char **words) {
  if (count < 6) return 2;
  read_plugins(words[3]);
  signal(SIGPIPE, SIG_IGN);  /* VERSION may end without reading its input */
  int attached = count - 5;
  struct attachment attachments[attached];
  for (int i = 0; i < attached; i++) {
    attachments[i] = (struct attachment){words[2], words[i + 5], words[4], first_number + number_of(words[i + 5])};
  }
  if (!strcmp(words[1], "all")) return printf("%.1f\n", perform_at_once(attachments, attached)) < 0;
  for (int i = 0; i < attached; i++) printf("%.1f\n", perform(&attachments[i]));
  return 0;
}
