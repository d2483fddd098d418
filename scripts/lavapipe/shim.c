// Lets Chromium use Mesa's lavapipe as its software WebGPU adapter, for tests on machines without a GPU.
//
// Chromium opens exactly one software Vulkan driver, the file libvk_swiftshader.so beside its binary, and takes a
// device from it only if that names itself SwiftShader by vendor and device id. This library is put there under that
// name: every call goes to lavapipe (DRIVER, its path, is given to the compiler), and only the answers to "which
// device are you?" are changed.

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

typedef void (*VoidFunction)(void);
typedef VoidFunction (*LookUp)(void *instance, const char *name);
typedef void (*Describe)(void *physicalDevice, void *properties);

static LookUp lookUpInDriver;
static Describe describe, describe2;

__attribute__((constructor)) static void openDriver(void) {
  void *driver = dlopen(DRIVER, RTLD_NOW | RTLD_LOCAL);
  if (driver) lookUpInDriver = (LookUp)dlsym(driver, "vk_icdGetInstanceProcAddr");
}

// VkPhysicalDeviceProperties begins: apiVersion, driverVersion, vendorID, deviceID, deviceType (32 bits each).
static void disguise(uint32_t *properties) {
  enum { vendorId = 2, deviceId = 3, deviceType = 4 };
  properties[vendorId] = 0x1AE0;   // Google
  properties[deviceId] = 0xC0DE;   // SwiftShader
  properties[deviceType] = 4;      // a CPU
}

static void describeDisguised(void *physicalDevice, void *properties) {
  describe(physicalDevice, properties);
  disguise(properties);
}

// VkPhysicalDeviceProperties2 holds the same structure after its sType and pNext.
static void describeDisguised2(void *physicalDevice, void *properties) {
  describe2(physicalDevice, properties);
  disguise((uint32_t *)((char *)properties + 2 * sizeof(void *)));
}

VoidFunction vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  VoidFunction found = lookUpInDriver ? lookUpInDriver(instance, name) : 0;
  if (!found) return 0;
  if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
    describe = (Describe)found;
    return (VoidFunction)describeDisguised;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceProperties2") || !strcmp(name, "vkGetPhysicalDeviceProperties2KHR")) {
    describe2 = (Describe)found;
    return (VoidFunction)describeDisguised2;
  }
  return found;
}

VoidFunction vkGetInstanceProcAddr(void *instance, const char *name) {
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (VoidFunction)vkGetInstanceProcAddr;
  return vk_icdGetInstanceProcAddr(instance, name);
}
