//! Every call of a module with what it declares, as a tree below the root. Instances are not told apart here, and nothing is
//! evaluated.

use crate::config::declare::{Declarations, Level};
use crate::config::lost::Lost;
use crate::config::module::{Configuration, ROOT};
use crate::config::parse::RawBlock;
use crate::config::references::{Item, Node};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::code;

/// More calls of modules than anybody writes: two that each call two, and so on, would never end.
const MOST_CALLS: usize = 10_000;

/// The arguments of a call that are not the module's variables.
pub(super) const CALL_ARGUMENTS: [&str; 4] = ["source", "for_each", "enabled", "depends_on"];

/// What one call of a module brings; the root is called by nobody.
pub(super) struct Module<'r> {
    /// What its directory declares.
    pub(super) all: Declarations<'r>,
    /// The directory as seen from the root.
    pub(super) directory: &'r str,
    /// Who calls it.
    pub(super) caller: Option<Caller<'r>>,
    /// The modules that it calls itself, by the number of the call; nothing where a call is at fault.
    pub(super) called: Vec<Option<usize>>,
}

/// Where a module is called.
#[derive(Clone, Copy)]
pub(super) struct Caller<'r> {
    /// The number of the calling module.
    pub(super) module: usize,
    /// The number of the call in it.
    pub(super) call: usize,
    /// The call.
    pub(super) block: &'r RawBlock,
}

/// All modules by number; the root is 0.
pub(super) struct Tree<'r> {
    pub(super) modules: Vec<Module<'r>>,
}

impl<'r> Tree<'r> {
    /// The kind of a resource.
    pub(super) fn kind(&self, node: Node) -> Option<&'r str> {
        let Item::Resource(at) = node.item else { return None };
        let block = self.get(node.module)?.all.resources.get(at)?;
        Some(&block.kind.value)
    }

    /// Follows every call from the root. Calls that lead back to a module on their own way are reported and not followed.
    pub(super) fn collect(configuration: &'r Configuration, kinds: &[&'r str], found: &mut Diagnostics) -> Self {
        let mut tree = Self { modules: Vec::new() };
        tree.add((ROOT, &configuration.root, &configuration.lost), None, kinds, found);
        let mut next = 0;
        while next < tree.modules.len() {
            let calls = tree
                .get(next)
                .map(|module| (module.all.calls.clone(), module.directory));
            let (calls, from) = calls.unwrap_or_default();
            let mut called = Vec::with_capacity(calls.len());
            for (call, block) in calls.into_iter().enumerate() {
                let Some((directory, blocks, lost)) = configuration.called_by(block, from) else {
                    called.push(None);
                    continue;
                };
                if let Some(problem) = tree.endless(next, block, directory) {
                    found.push(problem);
                    called.push(None);
                    continue;
                }
                let caller = Caller {
                    module: next,
                    call,
                    block,
                };
                called.push(Some(tree.add((directory, blocks, lost), Some(caller), kinds, found)));
            }
            if let Some(module) = tree.modules.get_mut(next) {
                module.called = called;
            }
            next += 1;
        }
        tree
    }

    fn add(
        &mut self,
        (directory, blocks, lost): (&'r str, &'r [RawBlock], &'r Lost),
        caller: Option<Caller<'r>>,
        kinds: &[&'r str],
        found: &mut Diagnostics,
    ) -> usize {
        let level = match caller {
            None => Level::Root,
            Some(_) => Level::Module,
        };
        let (all, problems) = Declarations::collect((blocks, lost), kinds.to_vec(), level);
        found.extend(problems);
        self.modules.push(Module {
            all,
            directory,
            caller,
            called: Vec::new(),
        });
        self.modules.len() - 1
    }

    /// Why a call is not followed: it leads back to where it comes from, or there are too many.
    fn endless(&self, from: usize, block: &RawBlock, directory: &str) -> Option<Diagnostic> {
        let span = block
            .body
            .attribute("source")
            .map_or(block.header, |source| source.expr.span);
        let mut way = vec![directory];
        let mut at = Some(from);
        while let Some(module) = at.and_then(|at| self.get(at)) {
            way.push(module.directory);
            if module.directory == directory {
                way.reverse();
                return Some(
                    Diagnostic::error(code::MODULE_LOOP, "module that calls itself")
                        .at(span, "this leads back to a module that is being called already")
                        .detail(format!("The way is {}.", way.join(" → "))),
                );
            }
            at = module.caller.map(|caller| caller.module);
        }
        (self.modules.len() > MOST_CALLS).then(|| {
            Diagnostic::error(code::TOO_LARGE, "too many calls of modules")
                .at(span, format!("there are more than {MOST_CALLS} calls of modules"))
                .hint("use `for_each` on one call")
        })
    }

    /// The module of that number.
    pub(super) fn get(&self, module: usize) -> Option<&Module<'r>> {
        self.modules.get(module)
    }

    /// The module that a call leads to.
    pub(super) fn called(&self, module: usize, call: usize) -> Option<usize> {
        self.get(module)?.called.get(call).copied().flatten()
    }

    /// The calls from the root to a module, outermost first.
    pub(super) fn callers(&self, module: usize) -> Vec<Caller<'r>> {
        let mut callers = Vec::new();
        let mut at = module;
        while let Some(caller) = self.get(at).and_then(|module| module.caller) {
            callers.push(caller);
            at = caller.module;
        }
        callers.reverse();
        callers
    }

    /// What stands before names of a module: `module.a.module.b.`, and nothing for the root.
    pub(super) fn prefix(&self, module: usize) -> String {
        let labels = self.callers(module).into_iter().map(|caller| {
            let label = caller.block.labels.first();
            format!("module.{}.", label.map(|label| &*label.value).unwrap_or_default())
        });
        labels.collect()
    }
}
