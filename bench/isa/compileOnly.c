// A Vulkan driver in front of Mesa's RADV that compiles and does nothing else. RADV's null device (RADV_FORCE_FAMILY)
// compiles for a GPU that is not there, but crashes when commands are recorded, which Dawn does as soon as it has a
// device. Here recording, submitting and waiting are replaced by functions that succeed at once.
// RADV_LIBRARY: the driver's file. Build: cc -shared -fPIC -O1 -o compileOnly.so compileOnly.c -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*GetProcAddr)(void *handle, const char *name);

static GetProcAddr device_proc_addr; // RADV's vkGetDeviceProcAddr

static Function radv(const char *name) {
  static void *library;
  if (!library) {
    const char *file = getenv("RADV_LIBRARY");
    library = file ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
      fprintf(stderr, "compileOnly: RADV_LIBRARY=%s cannot be loaded\n", file ? file : "");
      abort();
    }
  }
  return (Function)dlsym(library, name);
}

// VK_SUCCESS, whatever the arguments: in the calling conventions of 64-bit machines the caller cleans up.
static uint64_t succeed(void) { return 0; }

static int is_replaced(const char *name) {
  static const char *const names[] = {"vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer",
    "vkResetCommandPool", "vkQueueSubmit", "vkQueueSubmit2", "vkQueueSubmit2KHR", "vkQueueWaitIdle",
    "vkDeviceWaitIdle", "vkGetFenceStatus", "vkWaitForFences"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return 1;
  return strncmp(name, "vkCmd", 5) == 0;
}

static Function get_device_proc_addr(void *device, const char *name) {
  Function found = device_proc_addr(device, name);
  return found && is_replaced(name) ? (Function)succeed : found;
}

// The loader asks for these three by name (Vulkan-Loader, LoaderDriverInterface.md).

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  Function found = ((GetProcAddr)radv("vk_icdGetInstanceProcAddr"))(instance, name);
  if (!found) return found;
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
    device_proc_addr = (GetProcAddr)found;
    return (Function)get_device_proc_addr;
  }
  return is_replaced(name) ? (Function)succeed : found;
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  return ((int (*)(uint32_t *))radv("vk_icdNegotiateLoaderICDInterfaceVersion"))(version);
}

Function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  return ((GetProcAddr)radv("vk_icdGetPhysicalDeviceProcAddr"))(instance, name);
}
