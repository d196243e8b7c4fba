//! What memory the graphics device has, and that tiles keep to it.

use super::TileMemory;
use crate::tiles::GraphicsMemory;
use bevy::prelude::*;
use bevy::render::renderer::{RenderAdapter, RenderAdapterInfo};

/// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`.
const DEVICE_LOCAL: u32 = 1;

/// Tells the engine what memory the graphics device has, once that is known.
pub(super) fn fit(
    memory: Res<TileMemory>,
    about: Option<Res<RenderAdapterInfo>>,
    adapter: Option<Res<RenderAdapter>>,
    mut told: Local<bool>,
) {
    let (false, Some(about)) = (*told, about) else { return };
    let is_own = format!("{:?}", about.device_type) == "DiscreteGpu";
    let bytes = || adapter.as_ref().and_then(|a| local_bytes(a));
    memory.0.fit(if is_own { GraphicsMemory::Own { bytes: bytes() } } else { GraphicsMemory::Shared });
    *told = true;
}

/// The largest of a Vulkan device's heaps that it calls its own, bytes; `None` of other interfaces.
fn local_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: what is behind it is asked and neither kept nor destroyed.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the device is one of this instance, both of which the adapter keeps alive.
    let heaps = unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    heaps.memory_heaps_as_slice().iter().filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Software's own memory is the machine's, but it is asked the same way.
    #[test]
    fn a_vulkan_device_tells_its_memory() {
        let adapter = bevy::tasks::block_on(wgpu::Instance::default().request_adapter(&wgpu::RequestAdapterOptions::default()));
        let adapter = adapter.expect("the tests draw with it");
        let bytes = local_bytes(&adapter);
        assert!(bytes.is_some_and(|n| n > 64 << 20) || adapter.get_info().backend != wgpu::Backend::Vulkan, "{bytes:?}");
    }
}
