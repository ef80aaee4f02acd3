//! The macro that makes a crate a plugin.

/// Declares the plugin of this crate: a type `Plugin`, and on wasm32 the component's exports.
///
/// ```text
/// export_plugin! {
///     name: "house",
///     title: { "en": "House rules", "zh-CN": "家规" },
///     rules: [stairs::Stairs, doors::Doors],
/// }
/// ```
///
/// The version is the crate's. The exports need unsafe code; it comes from this crate's bindings, so a plugin can deny it.
#[macro_export]
macro_rules! export_plugin {
    (
        name: $name:literal,
        title: { $($language:literal : $text:literal),+ $(,)? },
        rules: [$($rule:ty),+ $(,)?] $(,)?
    ) => {
        /// The plugin of this crate.
        #[derive(Clone, Copy, Debug)]
        pub struct Plugin;

        impl $crate::Plugin for Plugin {
            const NAME: &'static str = $name;
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const TITLE: $crate::Text = $crate::Text(&[$(($language, $text)),+]);
            const RULES: &'static [$crate::RuleEntry] = &[$($crate::RuleEntry::of::<$rule>()),+];
        }

        #[cfg(target_arch = "wasm32")]
        mod component {
            type Component = $crate::wasm::Exports<super::Plugin>;
            $crate::wasm::export!(Component with_types_in $crate::wasm::bindings);
        }
    };
}
